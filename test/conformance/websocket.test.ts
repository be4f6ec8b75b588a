// A node's WebSocket connection on both engines: handshake, commands, limits, deadlines.

import { afterEach, describe, expect, it } from 'vitest';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('WebSocket connection on the %s engine', (engine) => {
  const closing: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(setup: Omit<TestNodeSetup, 'engine'> = {}): Promise<TestNode> {
    const node = await startNode({ engine, ...setup });
    closing.push(() => node.close());
    return node;
  }

  function open(node: TestNode): SocketClient {
    const client = new SocketClient(node.url);
    closing.push(() => client.close());
    return client;
  }

  async function connected(node: TestNode, ticket = node.ticket()): Promise<SocketClient> {
    const client = open(node);
    client.connect(ticket);
    expect((await client.events.next()).type).toBe('connected');
    return client;
  }

  it('answers connect with what the client needs to know', async () => {
    const node = await start();
    const client = open(node);
    const id = client.connect(node.ticket('alice'));
    const event = await client.events.next();
    expect(event).toMatchObject({ type: 'connected', id, node: 'n1', user: 'alice', heartbeatMs: 7_000 });
    expect(event.expiresInMs).toBeGreaterThan(0);
    expect(event.expiresInMs).toBeLessThanOrEqual(600_000);
    expect(event.limits).toEqual({ maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 });
  });

  it('runs commands that were sent without waiting for connected', async () => {
    const node = await start();
    const client = open(node);
    client.connect(node.ticket());
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    client.command({ type: 'publish', channel: 'news', data: [1] });
    expect((await client.events.take(2, 'subscribed', 'published')).map((event) => event.type).sort()).toEqual([
      'published',
      'subscribed',
    ]);
  });

  it.each([
    ['without a token', { type: 'connect', version: 1 }, 'token_missing', 4501],
    ['with another version', { type: 'connect', version: 2, token: 'x' }, 'unsupported_version', 4505],
    ['with a token that is none', { type: 'connect', version: 1, token: 'x' }, 'token_malformed', 4501],
  ])('refuses connect %s with an error and a close code', async (_name, command, code, closeCode) => {
    const client = open(await start());
    const id = client.command(command);
    expect(await client.events.next()).toMatchObject({ type: 'error', id, code });
    const closed = await client.events.next();
    expect(closed).toMatchObject({ type: 'closed', code: closeCode });
    expect(closed.reason).toContain(code);
  });

  it('closes with 4003 when no valid connect comes in time', async () => {
    const client = open(await start({ options: { handshakeTimeoutMs: 100 } }));
    expect(await client.events.next()).toMatchObject({ type: 'closed', code: 4003 });
  });

  it('closes with 4005 when the ticket expires', async () => {
    const node = await start();
    const client = await connected(node, node.ticket('u1', {}, 1_000));
    expect(await client.events.nextOf('closed', 'error')).toMatchObject({ type: 'closed', code: 4005 });
  });

  it('goes on past the expiry with a fresh ticket, and ends what it no longer grants', async () => {
    const node = await start();
    const client = await connected(node, node.ticket('u1', {}, 1_000));
    client.command({ type: 'subscribe', channels: { 'a:1': 'now', 'b:1': 'now' } });
    await client.events.take(2, 'subscribed');
    const id = client.command({ type: 'refresh', token: node.ticket('u1', { subscribe: ['a:*'] }) });
    expect(await client.events.next()).toMatchObject({ type: 'refreshed', id });
    expect(await client.events.next()).toMatchObject({
      type: 'unsubscribed',
      channel: 'b:1',
      code: 'forbidden_channel',
    });
    await node.broker.publish({ channel: 'b:1', data: '1' });
    await node.broker.publish({ channel: 'a:1', data: '2' });
    expect(await client.events.next()).toMatchObject({ type: 'message', channel: 'a:1', data: 2 });
  });

  it("refuses to refresh with another user's ticket", async () => {
    const node = await start();
    const client = await connected(node);
    client.command({ type: 'refresh', token: node.ticket('mallory') });
    expect(await client.events.next()).toMatchObject({ type: 'error', code: 'token_claim_invalid' });
  });

  it('answers a second subscribe with the current position and delivers once', async () => {
    const node = await start();
    const client = await connected(node);
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    await client.events.nextOf('subscribed');
    const offset = await node.broker.publish({ channel: 'news', data: '1' });
    await client.events.nextOf('message');
    client.command({ type: 'subscribe', channels: { news: '-1' } });
    expect(await client.events.next()).toMatchObject({ type: 'subscribed', channel: 'news', offset });
    await node.broker.publish({ channel: 'news', data: '2' });
    await node.broker.publish({ channel: 'news', data: '3' });
    expect((await client.events.take(2, 'message')).map((event) => event.data)).toEqual([2, 3]);
  });

  it('delivers nothing after unsubscribed', async () => {
    const node = await start();
    const client = await connected(node);
    client.command({ type: 'subscribe', channels: { news: 'now', other: 'now' } });
    await client.events.take(2, 'subscribed');
    client.command({ type: 'unsubscribe', channels: ['news', 'nothing'] });
    expect(await client.events.next()).toMatchObject({ type: 'unsubscribed', channel: 'news' });
    expect(await client.events.next()).toMatchObject({ type: 'error', channel: 'nothing', code: 'not_subscribed' });
    await node.broker.publish({ channel: 'news', data: '1' });
    await node.broker.publish({ channel: 'other', data: '2' });
    expect(await client.events.next()).toMatchObject({ type: 'message', channel: 'other' });
  });

  it('answers a 129th channel with too_many_channels and keeps the rest', async () => {
    const node = await start();
    const client = await connected(node);
    const names = Array.from({ length: 128 }, (_, index) => [`c${index}`, 'now']);
    client.command({ type: 'subscribe', channels: Object.fromEntries(names) });
    await client.events.take(128, 'subscribed');
    client.command({ type: 'subscribe', channels: { c128: 'now' } });
    expect(await client.events.next()).toMatchObject({ type: 'error', channel: 'c128', code: 'too_many_channels' });
    await node.broker.publish({ channel: 'c127', data: '1' });
    expect(await client.events.next()).toMatchObject({ type: 'message', channel: 'c127' });
  });

  it('publishes, once per key, and stamps the sender', async () => {
    const node = await start();
    const client = await connected(node, node.ticket('alice'));
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    await client.events.nextOf('subscribed');
    client.command({ type: 'publish', channel: 'news', data: { a: 1 }, key: 'k1' });
    client.command({ type: 'publish', channel: 'news', data: { a: 1 }, key: 'k1' });
    client.command({ type: 'publish', channel: 'news', data: { a: 2 }, key: 'k1' });
    client.command({ type: 'publish', channel: 'news', data: 'end' });
    const events = await client.events.take(6, 'published', 'error', 'message');
    const published = events.filter((event) => event.type === 'published').map((event) => event.offset);
    expect(published[0]).toBe(published[1]);
    expect(events.filter((event) => event.type === 'error')).toMatchObject([{ code: 'idempotency_conflict' }]);
    const messages = events.filter((event) => event.type === 'message');
    expect(messages.map((event) => event.data)).toEqual([{ a: 1 }, 'end']);
    expect(messages[0]?.from).toMatchObject({ user: 'alice' });
  });

  it('stores what a client publishes byte for byte, numbers too', async () => {
    const node = await start();
    const client = await connected(node);
    client.raw('{"id":7,"type":"publish","channel":"ids","data":{"id":12345678901234567890,"n":1.0}}');
    await client.events.nextOf('published');
    const page = await node.broker.read('ids', '-1', { maxEntries: 1, maxBytes: 1_000 });
    expect(page.entries[0]?.data.toString()).toBe('{"id":12345678901234567890,"n":1.0}');
  });

  it('refuses to publish without a grant', async () => {
    const node = await start();
    const client = await connected(node, node.ticket('u1', { publish: ['mine'] }));
    client.command({ type: 'publish', channel: 'theirs', data: 1 });
    expect(await client.events.next()).toMatchObject({ type: 'error', channel: 'theirs', code: 'forbidden' });
  });

  it('limits commands, gives them back over time, and closes who keeps on with 4004', async () => {
    const node = await start({ commandRate: { perSecond: 1, burst: 5 } });
    const client = await connected(node);
    for (let n = 0; n < 5; n++) client.command({ type: 'unsubscribe', channels: ['x'] });
    const events = await client.events.take(5, 'error');
    const limited = events.filter((event) => event.code === 'rate_limited');
    expect(limited.length).toBeGreaterThan(0);
    expect(limited[0]?.retryAfterMs).toBeGreaterThan(0);
    for (let n = 0; n < 400; n++) client.command({ type: 'unsubscribe', channels: ['x'] });
    expect(await client.events.nextOf('closed')).toMatchObject({ code: 4004 });
    expect(node.node.stats().rateLimited).toBeGreaterThan(limited.length);
  });

  it('sends a heartbeat into silence only', async () => {
    const node = await start({ options: { heartbeatMs: 250 } });
    const client = await connected(node);
    expect(await client.events.next()).toEqual({ type: 'heartbeat' });
    expect(await client.events.next()).toEqual({ type: 'heartbeat' });
  });

  it('closes a frame over the limit with 4504 and both numbers', async () => {
    const client = await connected(await start());
    client.raw('x'.repeat(65_537));
    const closed = await client.events.next();
    expect(closed).toMatchObject({ type: 'closed', code: 4504 });
    expect(closed.reason).toContain('65537');
    expect(closed.reason).toContain('65536');
  });

  it('refuses the client that is one too many with 4001', async () => {
    const node = await start({ options: { maxConnections: 2 } });
    await connected(node);
    await connected(node);
    const third = open(node);
    third.connect(node.ticket());
    expect(await third.events.nextOf('closed')).toMatchObject({ code: 4001 });
    expect(node.node.stats().refused).toBe(1);
  });

  it('cuts a client that does not read, and it resumes with everything', async () => {
    const node = await start({
      namespaces: { default: { historySize: 2_000 } },
      options: { maxBufferedBytes: 128 * 1024 },
    });
    const client = await connected(node);
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    const { offset: begin = '' } = await client.events.nextOf('subscribed');
    client.socket.pause();
    const offsets: string[] = [];
    const data = JSON.stringify('x'.repeat(20_000));
    while (node.node.stats().slowConsumers === 0 && offsets.length < 2_000) {
      offsets.push(await node.broker.publish({ channel: 'news', data }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(node.node.stats().slowConsumers).toBe(1);
    client.socket.resume();
    const received: string[] = [];
    for (let event = await client.events.next(); event.type !== 'closed'; event = await client.events.next()) {
      received.push(event.offset ?? '');
    }
    expect(received).toEqual(offsets.slice(0, received.length));
    const again = await connected(node);
    again.command({ type: 'subscribe', channels: { news: received.at(-1) ?? begin } });
    const rest = await again.events.take(offsets.length - received.length, 'message', 'gap');
    expect([...received, ...rest.map((event) => event.offset)]).toEqual(offsets);
  });

  it('replays every channel at once, each a whole history behind, without being cut', async () => {
    const node = await start({ options: { maxBufferedBytes: 512 * 1024 } });
    const names = Array.from({ length: 100 }, (_, index) => `behind:${index}`);
    const data = JSON.stringify('x'.repeat(4_000));
    for (const channel of names) {
      for (let n = 0; n < 40; n++) await node.broker.publish({ channel, data });
    }
    const client = await connected(node);
    client.command({ type: 'subscribe', channels: Object.fromEntries(names.map((name) => [name, '-1'])) });
    const last = new Map<string, string>();
    for (const message of await client.events.take(4_000, 'message', 'gap', 'closed')) {
      const channel = message.channel ?? '';
      expect((message.offset ?? '') > (last.get(channel) ?? '')).toBe(true);
      last.set(channel, message.offset ?? '');
    }
    expect(last.size).toBe(100);
    expect(node.node.stats().slowConsumers).toBe(0);
  });

  it('gives back everything when its clients have gone', async () => {
    const node = await start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => connected(node)));
    for (const client of clients) client.command({ type: 'subscribe', channels: { news: '-1' } });
    await Promise.all(clients.map((client) => client.events.nextOf('subscribed')));
    expect(node.node.stats().sockets).toBe(20);
    for (const client of clients) client.close();
    await Promise.all(clients.map((client) => client.events.nextOf('closed')));
    while (node.node.stats().sockets !== 0) await new Promise((resolve) => setImmediate(resolve));
    expect(node.node.stats().connections).toBe(0);
  });

  it('closes everybody with 4000 when it goes away', async () => {
    const node = await start();
    const client = await connected(node);
    await node.node.drain();
    expect(await client.events.nextOf('closed')).toMatchObject({ code: 4000 });
  });
});
