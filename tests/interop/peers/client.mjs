// Walks through the interop fixture with the TypeScript SDK client, revision 2026-07-28.
// Usage: node client.mjs URL [--token T] [--until-end]; one JSON line a step, exit code 0 only if all were right.
// With --until-end it stays subscribed, after the step `listening`, until the server ends the subscription in order.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { positionals: [url], values: { token, 'until-end': untilEnd } } = parseArgs({
    allowPositionals: true,
    options: { token: { type: 'string' }, 'until-end': { type: 'boolean' } }
});
const LIMIT = { timeout: 10_000 };
const done = (step, detail) => console.log(JSON.stringify({ step, ...detail }));
const within = (promise, what) => {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no ${what} in time`)), LIMIT.timeout); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const only = result => {
    assert.notEqual(result.isError, true, JSON.stringify(result));
    assert.equal(result.content.length, 1);
    assert.equal(result.content[0].type, 'text');
    return result.content[0].text;
};

async function walk(client) {
    const found = client.getDiscoverResult();
    assert.ok(found.supportedVersions.includes('2026-07-28'));
    assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
    assert.equal(client.getServerVersion().name, 'interop-fixture');
    assert.equal(client.getServerCapabilities().tools.listChanged, true);
    done('discover', { versions: found.supportedVersions });

    const { tools } = await client.listTools(undefined, LIMIT);
    const names = tools.map(tool => tool.name).sort();
    assert.deepEqual(names, ['add', 'count', 'greet', 'trigger_change']);
    const add = tools.find(tool => tool.name === 'add');
    assert.deepEqual(Object.keys(add.inputSchema.properties).sort(), ['a', 'b']);
    assert.ok(add.description.length > 0);
    done('list', { names });

    const sum = only(await client.callTool({ name: 'add', arguments: { a: 40, b: 2 } }, LIMIT));
    assert.equal(sum, '42');
    done('call', { sum });

    const seen = [];
    const counted = only(await client.callTool(
        { name: 'count', arguments: { to: 3 } },
        { ...LIMIT, onprogress: ({ progress, total, message }) => seen.push([progress, total, message]) }
    ));
    assert.equal(counted, 'counted to 3');
    assert.deepEqual(seen, [[1, 3, 'step 1'], [2, 3, 'step 2'], [3, 3, 'step 3']]);
    done('progress', { seen });

    const answers = [{ action: 'accept', content: { name: 'Ada' } }, { action: 'decline' }];
    client.setRequestHandler('elicitation/create', ({ params }) => {
        assert.equal(params.message, 'What is your name?');
        assert.deepEqual(Object.keys(params.requestedSchema.properties), ['name']);
        return answers.shift();
    });
    const greeting = only(await client.callTool({ name: 'greet', arguments: {} }, LIMIT));
    assert.equal(greeting, 'hello, Ada');
    done('elicit', { greeting });
    const declined = only(await client.callTool({ name: 'greet', arguments: {} }, LIMIT));
    assert.equal(declined, 'no greeting');
    done('decline', { declined });

    const changed = new Promise(resolve => client.setNotificationHandler('notifications/tools/list_changed', resolve));
    const subscription = await client.listen({ toolsListChanged: true }, LIMIT);
    assert.equal(subscription.honoredFilter.toolsListChanged, true);
    only(await client.callTool({ name: 'trigger_change', arguments: {} }, LIMIT));
    const notification = await within(changed, 'list_changed');
    assert.equal(notification.method, 'notifications/tools/list_changed');
    await subscription.close();
    done('subscribe', { ended: await within(subscription.closed, 'end of the subscription') });

    if (untilEnd) {
        const last = await client.listen({ toolsListChanged: true }, LIMIT);
        done('listening', {});
        assert.equal(await within(last.closed, 'end of the last subscription'), 'graceful');
        done('graceful', {});
    }
}

const client = new Client(
    { name: 'interop-typescript', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } }
);
const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }), LIMIT);
    await walk(client);
    await client.close();
} catch (error) {
    console.error(error);
    process.exit(1);
}
done('end', {});
process.exit(0);
