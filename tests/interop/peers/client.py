"""Walks through the interop fixture with the Python SDK client, revision 2026-07-28.

Usage: python client.py URL [--token T] [--until-end]; one JSON line a step, exit code 0 only if all were right.
With --until-end it stays subscribed, after the step `listening`, until the server ends the subscription in order.
"""

import argparse
import asyncio
import json

import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ServerEvent, Subscription, ToolsListChanged
from mcp.shared._httpx_utils import create_mcp_http_client

LIMIT = 10.0
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
    same(bool(result.is_error), False)
    same([block.type for block in result.content], ["text"])
    return result.content[0].text


async def answer(_context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    same(params.message, "What is your name?")
    same(list(params.requested_schema["properties"]), ["name"])
    return ANSWERS.pop(0)


async def walk(client: Client, until_end: bool) -> None:
    same(client.protocol_version, "2026-07-28")
    same(client.server_info.name, "interop-fixture")
    same(client.server_capabilities.tools.list_changed, True)
    done("discover", version=client.protocol_version)

    tools = (await client.list_tools()).tools
    names = sorted(tool.name for tool in tools)
    same(names, ["add", "count", "greet", "trigger_change"])
    add = next(tool for tool in tools if tool.name == "add")
    same(sorted(add.input_schema["properties"]), ["a", "b"])
    same(bool(add.description), True)
    done("list", names=names)

    total = only(await client.call_tool("add", {"a": 40, "b": 2}))
    same(total, "42")
    done("call", sum=total)

    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(value: float, of: float | None, message: str | None) -> None:
        seen.append((value, of, message))

    counted = only(await client.call_tool("count", {"to": 3}, progress_callback=progress))
    same(counted, "counted to 3")
    same(seen, [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")])
    done("progress", seen=seen)

    greeting = only(await client.call_tool("greet", {}))
    same(greeting, "hello, Ada")
    done("elicit", greeting=greeting)
    declined = only(await client.call_tool("greet", {}))
    same(declined, "no greeting")
    done("decline", declined=declined)

    async with client.listen(tools_list_changed=True) as subscription:
        same(subscription.honored.tools_list_changed, True)
        only(await client.call_tool("trigger_change", {}))
        event = await asyncio.wait_for(anext(subscription), LIMIT)
        same(event, ToolsListChanged())
    done("subscribe", event=type(event).__name__)

    if until_end:
        async with client.listen(tools_list_changed=True) as last:
            done("listening")
            # Raises `SubscriptionLost` where the end is not in order.
            events = await asyncio.wait_for(collect(last), LIMIT)
        same(events, [])
        done("graceful")


async def collect(subscription: Subscription) -> list[ServerEvent]:
    return [event async for event in subscription]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--token")
    parser.add_argument("--until-end", action="store_true")
    args = parser.parse_args()
    headers = {} if args.token is None else {"Authorization": f"Bearer {args.token}"}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(args.url, http_client=http)
        client = Client(transport, elicitation_callback=answer, read_timeout_seconds=LIMIT)
        async with client:
            await walk(client, args.until_end)
    done("end")


asyncio.run(main())
