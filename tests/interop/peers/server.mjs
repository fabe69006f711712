// The interop fixture, served by the TypeScript SDK: revision 2026-07-28 only, one loopback port.
// Usage: node server.mjs [--token T]; the first line on stdout is {"url": "..."}.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
    acceptedContent,
    createMcpHandler,
    createRequestStateCodec,
    inputRequired,
    inputResponse,
    McpServer,
    OAuthError,
    OAuthErrorCode,
    requireBearerAuth
} from '@modelcontextprotocol/server';
import { z } from 'zod';

const { token } = parseArgs({ options: { token: { type: 'string' } } }).values;
const text = value => ({ content: [{ type: 'text', text: value }] });
const answer = z.object({ name: z.string() });
const state = createRequestStateCodec({ key: randomBytes(32) });

// The handler builds one instance a request, so everything that lives longer stays out here.
function fixture() {
    const server = new McpServer(
        { name: 'interop-fixture', version: '1.0.0' },
        { capabilities: { tools: { listChanged: true } }, requestState: { verify: state.verify } }
    );
    server.registerTool(
        'add',
        { description: 'Adds two integers.', inputSchema: z.object({ a: z.int(), b: z.int() }) },
        ({ a, b }) => text(String(a + b))
    );
    server.registerTool(
        'count',
        { description: 'Counts up and reports each step.', inputSchema: z.object({ to: z.int() }) },
        async ({ to }, ctx) => {
            const progressToken = ctx.mcpReq._meta?.progressToken;
            for (let step = 1; step <= to && progressToken !== undefined; step++) {
                await ctx.mcpReq.notify({
                    method: 'notifications/progress',
                    params: { progressToken, progress: step, total: to, message: `step ${step}` }
                });
            }
            return text(`counted to ${to}`);
        }
    );
    server.registerTool('greet', { description: 'Asks for a name and greets.', inputSchema: z.object({}) }, async (_, ctx) => {
        const reply = inputResponse(ctx.mcpReq.inputResponses, 'name');
        if (reply.kind === 'missing') {
            return inputRequired({
                inputRequests: { name: inputRequired.elicit({ message: 'What is your name?', requestedSchema: answer }) },
                requestState: await state.mint({ asked: 'name' })
            });
        }
        if (ctx.mcpReq.requestState()?.asked !== 'name') throw new Error('the request state did not come back');
        const accepted = acceptedContent(ctx.mcpReq.inputResponses, 'name', answer);
        return text(accepted ? `hello, ${accepted.name}` : 'no greeting');
    });
    server.registerTool('trigger_change', { description: 'Announces a changed tool list.', inputSchema: z.object({}) }, () => {
        handler.notify.toolsChanged();
        return text('changed');
    });
    return server;
}

const handler = createMcpHandler(fixture, { legacy: 'reject', onerror: error => console.error(error) });
const authenticate = token === undefined ? undefined : requireBearerAuth({
    verifier: {
        async verifyAccessToken(presented) {
            if (presented !== token) throw new OAuthError(OAuthErrorCode.InvalidToken, 'unknown token');
            return { token, clientId: 'interop', scopes: [], expiresAt: Math.floor(Date.now() / 1000) + 3600 };
        }
    }
});
const guarded = {
    async fetch(request, options) {
        if (authenticate === undefined) return handler.fetch(request, options);
        const verdict = await authenticate(request);
        return verdict instanceof Response ? verdict : handler.fetch(request, { ...options, authInfo: verdict });
    }
};
const listener = createServer(toNodeHandler(guarded));
listener.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ url: `http://127.0.0.1:${listener.address().port}/mcp` }));
});
// The parent holds the other end of stdin: when it goes away, so does this process, subscriptions first.
process.stdin.on('close', async () => {
    setTimeout(() => process.exit(1), 5_000).unref();
    await handler.close();
    listener.close(() => process.exit(0));
    listener.closeIdleConnections();
}).resume();
