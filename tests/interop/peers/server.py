"""The interop fixture, served by the Python SDK: one loopback port.

Usage: python server.py [--token T]; the first line on stdout is {"url": "..."}.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import threading
from typing import Annotated

import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel


class OneToken:
    """Accepts exactly one bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="interop", scopes=[]) if token == self._token else None


class Answer(BaseModel):
    name: str


async def ask_name() -> Elicit[Answer]:
    return Elicit("What is your name?", Answer)


def fixture(token: str | None) -> MCPServer:
    guard = {} if token is None else {
        "token_verifier": OneToken(token),
        "auth": AuthSettings(issuer_url="https://issuer.invalid", resource_server_url=None),
    }
    server = MCPServer("interop-fixture", version="1.0.0", log_level="WARNING", **guard)

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds two integers."""
        return str(a + b)

    @server.tool()
    async def count(to: int, ctx: Context) -> str:
        """Counts up and reports each step."""
        for step in range(1, to + 1):
            await ctx.report_progress(step, to, f"step {step}")
        return f"counted to {to}"

    @server.tool()
    async def greet(answer: Annotated[ElicitationResult[Answer], Resolve(ask_name)]) -> str:
        """Asks for a name and greets."""
        return f"hello, {answer.data.name}" if isinstance(answer, AcceptedElicitation) else "no greeting"

    @server.tool()
    async def trigger_change(ctx: Context) -> str:
        """Announces a changed tool list."""
        await ctx.notify_tools_changed()
        return "changed"

    return server


def exit_with_parent() -> None:
    """The parent holds the other end of stdin: when it goes away, so does this process."""
    sys.stdin.buffer.read()
    os._exit(0)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token")
    token = parser.parse_args().token
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=exit_with_parent, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"}), flush=True)
    config = uvicorn.Config(fixture(token).streamable_http_app(), log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
