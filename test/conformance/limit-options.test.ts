// What the option `limits` makes of a node: other subjects, limits of channels, keys and addresses, of namespaces, and none.

import { afterEach, describe, expect, it } from 'vitest';
import type { NamespaceLimits, WrittenLimit, WrittenLimits } from '../../src/config/limits.js';
import { openStream, SocketClient } from '../support/feed.js';
import { type PostAnswer, post } from '../support/http-post.js';
import { PUBLISH_KEY, startNode, type TestNode } from '../support/push-node.js';

/** Nothing comes back while a test runs. */
const ONCE = (units: number, rest: WrittenLimit = {}): WrittenLimit => ({
  rate: { units, perMs: 3_600_000 },
  ...rest,
});

describe.each(['uws', 'ws'] as const)('the option limits on the %s engine', (engine) => {
  let node: TestNode;
  let open: { close(): void }[] = [];

  afterEach(async () => {
    for (const one of open) one.close();
    open = [];
    await node.close();
  });

  async function start(limits: WrittenLimits, ofNamespaces: Readonly<Record<string, NamespaceLimits>> = {}) {
    const namespaces = Object.fromEntries(Object.entries(ofNamespaces).map(([name, limits]) => [name, { limits }]));
    node = await startNode({ engine, limits, namespaces });
  }

  function socket(): SocketClient {
    const client = new SocketClient(node.url);
    open.push(client);
    return client;
  }

  async function connected(ticket: string): Promise<SocketClient> {
    const client = socket();
    client.connect(ticket);
    await client.events.nextOf('connected');
    return client;
  }

  async function passing(client: SocketClient, fields: object, count: number): Promise<number> {
    for (let n = 0; n < count; n++) client.command(fields);
    const answers = await client.events.take(count, 'published', 'error');
    return answers.filter(({ code }) => code !== 'rate_limited').length;
  }

  const publish = (body: object, ticket: string): Promise<PostAnswer> =>
    post(`${node.url}/v1/publish`, body, { ticket });
  const poll = (ticket: string, from?: string) =>
    post(`${node.url}/v1/poll`, { channels: { news: 'now' } }, { ticket, ...(from && { from }) });
  const unsubscribe = { type: 'unsubscribe', channels: ['x'] };

  it('counts commands by link: each has the whole of it', async () => {
    await start({ commands: ONCE(15, { by: 'link' }) });
    const ticket = node.ticket();
    for (let n = 0; n < 3; n++) expect(await passing(await connected(ticket), unsubscribe, 20)).toBe(14);
  });

  it('counts commands by user: tickets and links add up', async () => {
    await start({ commands: ONCE(20, { by: 'user' }) });
    expect(await passing(await connected(node.ticket()), unsubscribe, 10)).toBe(10);
    expect(await passing(await connected(node.ticket()), unsubscribe, 10)).toBe(8);
    expect(await passing(await connected(node.ticket('u2')), unsubscribe, 10)).toBe(10);
  });

  it('counts nobody where a limit is off', async () => {
    await start({ commands: false, publishes: false });
    const client = await connected(node.ticket());
    expect(await passing(client, { type: 'publish', channel: 'news', data: 1 }, 60)).toBe(60);
  });

  it('counts polls by user', async () => {
    await start({ polls: ONCE(13, { by: 'user' }) });
    const statuses = [];
    for (let n = 0; n < 3; n++) {
      const channels = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`c${at}`, 'now']));
      statuses.push((await post(`${node.url}/v1/poll`, { channels }, { ticket: node.ticket() })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('counts polls and openings by address, whoever comes from there', async () => {
    await start({ polls: ONCE(13, { by: 'address' }), openings: ONCE(130, { by: 'address' }) });
    const asking = (from: string, user: string, prefix: string) => {
      const channels = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`${prefix}${at}`, 'now']));
      return post(`${node.url}/v1/poll`, { channels }, { ticket: node.ticket(user), from });
    };
    const codes = [];
    for (const user of ['u1', 'u2', 'u3']) codes.push((await asking('127.0.0.1', user, user)).status);
    expect(codes).toEqual([200, 200, 429]);
    expect((await asking('127.0.0.2', 'u1', 'x')).status).toBe(200);
    // Ten openings of the address are left, by any transport.
    const client = await connected(node.ticket('u4'));
    const named = Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`y${at}`, 'now']));
    client.command({ type: 'subscribe', channels: named });
    expect(await client.events.nextOf('error')).toMatchObject({ code: 'rate_limited' });
  });

  it('counts publishes by channel: whoever sends, by whatever transport', async () => {
    await start({ publishes: ONCE(3, { by: 'channel' }) });
    const client = await connected(node.ticket());
    expect(await passing(client, { type: 'publish', channel: 'news', data: 1 }, 2)).toBe(2);
    const statuses = [];
    for (let n = 0; n < 2; n++) statuses.push((await publish({ channel: 'news', data: 1 }, node.ticket('u2'))).status);
    expect(statuses).toEqual([200, 429]);
    expect((await publish({ channel: 'other', data: 1 }, node.ticket('u2'))).status).toBe(200);
    // A backend is no client.
    expect((await publish({ channel: 'news', data: 1 }, PUBLISH_KEY)).status).toBe(200);
  });

  it('counts what goes to one channel, from clients and backends, each message for itself', async () => {
    await start({ channel: ONCE(3) });
    expect((await publish({ channel: 'news', data: 1 }, PUBLISH_KEY)).status).toBe(200);
    const client = await connected(node.ticket());
    expect(await passing(client, { type: 'publish', channel: 'news', data: 1 }, 1)).toBe(1);
    const messages = ['news', 'other', 'news'].map((channel) => ({ channel, data: 1 }));
    const several = await publish({ messages }, PUBLISH_KEY);
    expect(several.status).toBe(207);
    const { results } = several.body as { results: { code?: string; retryAfterMs?: number }[] };
    expect(results.map(({ code }) => code)).toEqual([undefined, undefined, 'rate_limited']);
    expect(results[2]?.retryAfterMs).toBeGreaterThan(0);
    const one = await publish({ channel: 'news', data: 1 }, PUBLISH_KEY);
    expect(one).toMatchObject({ status: 429, headers: { ratelimit: expect.stringMatching(/^"channel";r=0;/) } });
    expect(await passing(client, { type: 'publish', channel: 'news', data: 1 }, 1)).toBe(0);
  });

  it('takes nothing of a channel from who may not publish there', async () => {
    await start({ channel: ONCE(1) });
    const stranger = node.ticket('u9', { publish: ['mine'] });
    expect((await publish({ channel: 'news', data: 1 }, stranger)).status).toBe(403);
    expect((await publish({ channel: 'news', data: 1 }, node.ticket())).status).toBe(200);
  });

  it('counts what a publish key sends, each message of a call', async () => {
    await start({ publishKey: ONCE(4) });
    const messages = Array.from({ length: 3 }, () => ({ channel: 'news', data: 1 }));
    expect((await publish({ messages }, PUBLISH_KEY)).status).toBe(200);
    expect((await publish({ messages }, PUBLISH_KEY)).status).toBe(429);
    // The unit that came first is spent where the rest is refused.
    expect((await publish({ channel: 'news', data: 1 }, PUBLISH_KEY)).status).toBe(429);
    expect((await publish({ channel: 'news', data: 1 }, node.ticket())).status).toBe(200);
  });

  it('lets an address call so often, by every transport, whoever calls', async () => {
    await start({ addresses: ONCE(3) });
    expect((await poll(node.ticket())).status).toBe(200);
    expect((await publish({ channel: 'news', data: 1 }, 'no ticket at all')).status).toBe(401);
    await connected(node.ticket('u2'));
    const refused = await poll(node.ticket('u3'));
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(refused.headers.ratelimit).toMatch(/^"addresses";r=0;t=\d+$/);
    const stream = openStream({ url: node.url, ticket: node.ticket() }, { news: 'now' });
    open.push(stream);
    expect(await stream.events.nextOf('refused')).toMatchObject({ status: 429 });
    const late = socket();
    expect(await late.events.nextOf('error')).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
    expect(await late.events.nextOf('closed')).toMatchObject({ code: 4004 });
    expect((await poll(node.ticket(), '127.0.0.2')).status).toBe(200);
  });

  it('takes nothing of who publishes in a namespace for what its channel refuses', async () => {
    await start({}, { chat: { publishes: ONCE(2), channel: ONCE(1) } });
    const sent = async (channel: string) => (await publish({ channel, data: 1 }, node.ticket())).status;
    expect([await sent('chat:1'), await sent('chat:1'), await sent('chat:2')]).toEqual([200, 429, 200]);
  });

  it('has the limits of a namespace in place of the general ones, there only', async () => {
    const own = { publishes: ONCE(1), channel: ONCE(100) };
    await start({ publishes: ONCE(2), channel: ONCE(1) }, { chat: own, free: { channel: false, publishes: false } });
    const sent = async (channel: string) => (await publish({ channel, data: 1 }, node.ticket())).status;
    expect([await sent('chat:1'), await sent('chat:2')]).toEqual([200, 429]);
    // Nothing of the general limit was spent for these.
    expect([await sent('free:1'), await sent('free:1'), await sent('free:1')]).toEqual([200, 200, 200]);
    expect([await sent('news'), await sent('news'), await sent('other')]).toEqual([200, 429, 429]);
    const client = await connected(node.ticket('u2'));
    expect(await passing(client, { type: 'publish', channel: 'chat:1', data: 1 }, 2)).toBe(1);
    expect(await passing(client, { type: 'publish', channel: 'other', data: 1 }, 1)).toBe(1);
  });
});
