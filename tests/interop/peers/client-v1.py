"""Walks through the interop fixture with the Python SDK of revisions up to 2025-11-25.

Usage: python client.py URL [--token T] [--sse]; one JSON line a step, exit code 0 only if all were right.
With --sse over HTTP+SSE.
"""

import argparse
import asyncio
import json
from datetime import timedelta

import mcp.types as types
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client

LIMIT = timedelta(seconds=10)
ANSWERS = [
    types.ElicitResult(action="accept", content={"name": "Ada"}),
    types.ElicitResult(action="decline"),
]


def done(step: str, **detail: object) -> None:
    print(json.dumps({"step": step, **detail}), flush=True)


def same(found: object, expected: object) -> None:
    # Not `assert`, which an optimised interpreter drops.
    if found != expected:
        raise SystemExit(f"found {found!r} where {expected!r} was expected")


def only(result: types.CallToolResult) -> str:
    same(bool(result.isError), False)
    same([block.type for block in result.content], ["text"])
    return result.content[0].text


async def answer(_context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    same(params.message, "What is your name?")
    same(list(params.requestedSchema["properties"]), ["name"])
    return ANSWERS.pop(0)


async def walk(session: ClientSession, changed: asyncio.Event) -> None:
    opened = await session.initialize()
    same(opened.serverInfo.name, "interop-fixture")
    same(opened.capabilities.tools.listChanged, True)
    done("discover", version=opened.protocolVersion)

    names = sorted(tool.name for tool in (await session.list_tools()).tools)
    same(names, ["add", "count", "greet", "trigger_change"])
    done("list", names=names)

    same(only(await session.call_tool("add", {"a": 40, "b": 2})), "42")
    done("call")

    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(value: float, of: float | None, message: str | None) -> None:
        seen.append((value, of, message))

    counted = only(await session.call_tool("count", {"to": 3}, progress_callback=progress))
    same(counted, "counted to 3")
    same(seen, [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")])
    done("progress", seen=seen)

    same(only(await session.call_tool("greet", {})), "hello, Ada")
    done("elicit")
    same(only(await session.call_tool("greet", {})), "no greeting")
    done("decline")

    # The stream of notifications is opened in the background: the first change may come before it.
    for _ in range(100):
        only(await session.call_tool("trigger_change", {}))
        await asyncio.sleep(0.02)
        if changed.is_set():
            break
    same(changed.is_set(), True)
    done("subscribe")


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--token")
    parser.add_argument("--sse", action="store_true")
    args = parser.parse_args()
    headers = {} if args.token is None else {"Authorization": f"Bearer {args.token}"}
    changed = asyncio.Event()

    async def note(message: object) -> None:
        if isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.ToolListChangedNotification
        ):
            changed.set()

    connect = sse_client if args.sse else streamablehttp_client
    async with connect(args.url, headers=headers) as streams:
        async with ClientSession(
            streams[0],
            streams[1],
            read_timeout_seconds=LIMIT,
            elicitation_callback=answer,
            message_handler=note,
        ) as session:
            await walk(session, changed)
    done("end")


asyncio.run(main())
