// The interop fixture, served by the TypeScript SDK for revisions up to 2025-11-25: one loopback port, many sessions.
// Usage: node server.mjs [--sse]; the first line on stdout is {"url": "..."}. With --stdio it serves that instead.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

const flag = { type: 'boolean', default: false };
const { sse, stdio } = parseArgs({ options: { sse: flag, stdio: flag } }).values;
const text = value => ({ content: [{ type: 'text', text: value }] });
const answer = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };

function fixture() {
    const server = new McpServer(
        { name: 'interop-fixture', version: '1.0.0' },
        { capabilities: { tools: { listChanged: true } } }
    );
    server.registerTool(
        'add',
        { description: 'Adds two integers.', inputSchema: { a: z.number().int(), b: z.number().int() } },
        ({ a, b }) => text(String(a + b))
    );
    server.registerTool(
        'count',
        { description: 'Counts up and reports each step.', inputSchema: { to: z.number().int() } },
        async ({ to }, { _meta, sendNotification }) => {
            const progressToken = _meta?.progressToken;
            for (let step = 1; step <= to && progressToken !== undefined; step++) {
                await sendNotification({
                    method: 'notifications/progress',
                    params: { progressToken, progress: step, total: to, message: `step ${step}` }
                });
            }
            return text(`counted to ${to}`);
        }
    );
    // Asked on the stream of what belongs to no request, as most servers of that time do.
    server.registerTool('greet', { description: 'Asks for a name and greets.', inputSchema: {} }, async () => {
        const reply = await server.server.elicitInput({ message: 'What is your name?', requestedSchema: answer });
        return text(reply.action === 'accept' ? `hello, ${reply.content.name}` : 'no greeting');
    });
    server.registerTool('trigger_change', { description: 'Announces a changed tool list.', inputSchema: {} }, () => {
        server.sendToolListChanged();
        return text('changed');
    });
    return server;
}

const sessions = new Map();

async function streamable(request, response) {
    const id = request.headers['mcp-session-id'];
    let transport = sessions.get(id);
    if (transport === undefined && id !== undefined) {
        response.writeHead(404).end();
        return;
    }
    if (transport === undefined) {
        transport = new StreamableHTTPServerTransport({
            sessionIdGenerator: randomUUID,
            onsessioninitialized: begun => sessions.set(begun, transport),
            onsessionclosed: ended => sessions.delete(ended)
        });
        await fixture().connect(transport);
    }
    await transport.handleRequest(request, response);
}

async function events(request, response) {
    const url = new URL(request.url, 'http://127.0.0.1');
    if (request.method === 'GET' && url.pathname === '/sse') {
        const transport = new SSEServerTransport('/messages', response);
        sessions.set(transport.sessionId, transport);
        await fixture().connect(transport);
    } else if (request.method === 'POST' && url.pathname === '/messages') {
        await sessions.get(url.searchParams.get('sessionId')).handlePostMessage(request, response);
    } else {
        response.writeHead(404).end('not found');
    }
}

function listen() {
    const listener = createServer(sse ? events : streamable);
    listener.listen(0, '127.0.0.1', () => {
        const path = sse ? 'sse' : 'mcp';
        console.log(JSON.stringify({ url: `http://127.0.0.1:${listener.address().port}/${path}` }));
    });
    // The parent holds the other end of stdin: when it goes away, so does this process.
    process.stdin.on('close', () => process.exit(0)).resume();
}

if (stdio) {
    await fixture().connect(new StdioServerTransport());
} else {
    listen();
}
