// Walks through the interop fixture with the TypeScript SDK of revisions up to 2025-11-25.
// Usage: node client.mjs URL [--token T] [--sse]; one JSON line a step, exit code 0 only if all were right.
// With --sse over HTTP+SSE.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const { positionals: [url], values: { token, sse } } = parseArgs({
    allowPositionals: true,
    options: { token: { type: 'string' }, sse: { type: 'boolean' } }
});
const LIMIT = { timeout: 10_000 };
const done = (step, detail) => console.log(JSON.stringify({ step, ...detail }));
const only = result => {
    assert.notEqual(result.isError, true, JSON.stringify(result));
    assert.equal(result.content.length, 1);
    assert.equal(result.content[0].type, 'text');
    return result.content[0].text;
};
const call = (name, args = {}, options = {}) =>
    client.callTool({ name, arguments: args }, undefined, { ...LIMIT, ...options }).then(only);

async function walk(client) {
    assert.equal(client.getServerVersion().name, 'interop-fixture');
    assert.equal(client.getServerCapabilities().tools.listChanged, true);
    done('discover', { version: client.transport.protocolVersion });

    const { tools } = await client.listTools(undefined, LIMIT);
    const names = tools.map(tool => tool.name).sort();
    assert.deepEqual(names, ['add', 'count', 'greet', 'trigger_change']);
    const add = tools.find(tool => tool.name === 'add');
    assert.deepEqual(Object.keys(add.inputSchema.properties).sort(), ['a', 'b']);
    done('list', { names });

    assert.equal(await call('add', { a: 40, b: 2 }), '42');
    done('call', {});

    const seen = [];
    const onprogress = ({ progress, total, message }) => seen.push([progress, total, message]);
    assert.equal(await call('count', { to: 3 }, { onprogress }), 'counted to 3');
    // Of events that come in one piece, this SDK's HTTP+SSE hands on the response first, and then no more progress.
    if (!sse) {
        assert.deepEqual(seen, [[1, 3, 'step 1'], [2, 3, 'step 2'], [3, 3, 'step 3']]);
    }
    done('progress', { seen });

    const answers = [{ action: 'accept', content: { name: 'Ada' } }, { action: 'decline' }];
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
        assert.equal(params.message, 'What is your name?');
        assert.deepEqual(Object.keys(params.requestedSchema.properties), ['name']);
        return answers.shift();
    });
    assert.equal(await call('greet'), 'hello, Ada');
    done('elicit', {});
    assert.equal(await call('greet'), 'no greeting');
    done('decline', {});

    let changed = false;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => { changed = true; });
    // The stream of notifications is opened in the background: the first change may come before it.
    for (let round = 0; round < 100 && !changed; round++) {
        await call('trigger_change');
        await new Promise(resolve => setTimeout(resolve, 20));
    }
    assert.ok(changed, 'no list_changed in time');
    done('subscribe', {});
}

const client = new Client({ name: 'interop-typescript-v1', version: '1.0.0' }, { capabilities: { elicitation: {} } });
const requestInit = { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } };
const Transport = sse ? SSEClientTransport : StreamableHTTPClientTransport;
const transport = new Transport(new URL(url), { requestInit });
try {
    await client.connect(transport, LIMIT);
    await walk(client);
    if (!sse) {
        await transport.terminateSession();
    }
    await client.close();
} catch (error) {
    console.error(error);
    process.exit(1);
}
done('end', {});
process.exit(0);
