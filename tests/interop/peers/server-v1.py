"""The interop fixture, served by the Python SDK for revisions up to 2025-11-25: one loopback port.

Usage: python server.py [--sse]; the first line on stdout is {"url": "..."}. With --stdio it serves that instead.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import threading

import uvicorn
from mcp.server.elicitation import AcceptedElicitation
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.lowlevel import NotificationOptions
from pydantic import BaseModel


class Answer(BaseModel):
    name: str


def fixture() -> FastMCP:
    server = FastMCP("interop-fixture", log_level="WARNING")
    # The high-level class has no way to say that lists change.
    options = server._mcp_server.create_initialization_options
    changes = NotificationOptions(tools_changed=True)
    server._mcp_server.create_initialization_options = lambda: options(changes)

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
    async def greet(ctx: Context) -> str:
        """Asks for a name and greets."""
        answer = await ctx.elicit("What is your name?", Answer)
        return f"hello, {answer.data.name}" if isinstance(answer, AcceptedElicitation) else "no greeting"

    @server.tool()
    async def trigger_change(ctx: Context) -> str:
        """Announces a changed tool list."""
        await ctx.session.send_tool_list_changed()
        return "changed"

    return server


def exit_with_parent() -> None:
    """The parent holds the other end of stdin: when it goes away, so does this process."""
    sys.stdin.buffer.read()
    os._exit(0)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sse", action="store_true")
    parser.add_argument("--stdio", action="store_true")
    options = parser.parse_args()
    if options.stdio:
        await fixture().run_stdio_async()
        return
    sse = options.sse
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=exit_with_parent, daemon=True).start()
    path = "sse" if sse else "mcp"
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/{path}"}), flush=True)
    app = fixture().sse_app() if sse else fixture().streamable_http_app()
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener])


asyncio.run(main())
