// What the doors of a node ask before they read, whom they take a client for, and what they count as load, on both engines.

import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryRegistry } from '../../src/cluster/memory-registry.js';
import { openStream, SocketClient } from '../support/feed.js';
import { type PostOptions, post } from '../support/http-post.js';
import { PUBLISH_KEY, startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

const PUBLIC = { pub: { public: true } };
const ONCE = (burst: number) => ({ perSecond: 0.001, burst });

describe.each(['uws', 'ws'] as const)('the doors of a node on the %s engine', (engine) => {
  let node: TestNode;
  let open: { close(): void }[] = [];

  afterEach(async () => {
    for (const one of open) one.close();
    open = [];
    await node.close();
  });

  async function start(setup: Omit<TestNodeSetup, 'engine'>): Promise<void> {
    node = await startNode({ engine, ...setup });
  }

  const poll = (channels: Record<string, string>, waitMs: number, options: PostOptions = {}) =>
    post(`${node.url}/v1/poll`, { channels, waitMs }, options);

  /** The statuses of polls of a public channel without a token, each with the header. */
  async function statuses(options: readonly PostOptions[]): Promise<readonly number[]> {
    const answers: number[] = [];
    for (const one of options) answers.push((await poll({ 'pub:x': 'now' }, 0, one)).status);
    return answers;
  }

  /** Sends the head of a request and `sent` of its body; answers the status. */
  function withoutBody(path: string, ticket: string | undefined, length: number): Promise<number> {
    const authorization = ticket === undefined ? '' : `Authorization: Bearer ${ticket}\r\n`;
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${authorization}Content-Type: application/json\r\n`;
    const socket = connect(Number(new URL(node.url).port), '127.0.0.1');
    open.push({ close: () => socket.destroy() });
    socket.write(`${head}Content-Length: ${length}\r\n\r\n{`);
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('data', (data) => resolve(Number(String(data).slice(9, 12))));
    });
  }

  describe('without a token', () => {
    const forwarded = (header: string) => (value: string) => ({ headers: { [header]: value } });

    it('count the address that a trusted proxy names, however it is written', async () => {
      await start({ namespaces: PUBLIC, pollRate: ONCE(1), options: { trustedProxies: ['127.0.0.0/8'] } });
      const listed = forwarded('X-Forwarded-For');
      const addresses = ['203.0.113.1', '203.0.113.2:51234', '6.6.6.6, 203.0.113.3', '[2001:db8::1]:443'];
      expect(await statuses(addresses.map(listed))).toEqual([200, 200, 200, 200]);
      const elements = ['for=203.0.113.4', 'for="203.0.113.5:80";proto=https', 'for="[2001:db8:1::1]"'];
      expect(await statuses(elements.map(forwarded('Forwarded')))).toEqual([200, 200, 200]);
      // The tenth of a unit that each of them has spent leaves less than one.
      const again = ['203.0.113.1:1', '203.0.113.2', '1.2.3.4, 203.0.113.3:9', '2001:db8::1'];
      expect(await statuses(again.map(listed))).toEqual([429, 429, 429, 429]);
      expect(await statuses(['for=203.0.113.4:99'].map(forwarded('Forwarded')))).toEqual([429]);
    });

    it('believe nobody else, so that no header makes another client', async () => {
      await start({ namespaces: PUBLIC, pollRate: ONCE(1), options: { trustedProxies: ['192.0.2.1'] } });
      const listed = forwarded('X-Forwarded-For');
      expect(await statuses(['203.0.113.1', '203.0.113.2', '203.0.113.3'].map(listed))).toEqual([200, 429, 429]);
      expect(await statuses([{ from: '127.0.0.2' }])).toEqual([200]);
    });

    it('count a site of IPv6 as one', async () => {
      await start({ namespaces: PUBLIC, pollRate: ONCE(1), options: { trustedProxies: ['127.0.0.0/8'] } });
      const site = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1'];
      expect(await statuses(site.map(forwarded('X-Forwarded-For')))).toEqual([200, 429, 200]);
    });
  });

  describe('before a body has come', () => {
    it.each(['/v1/poll', '/v1/stream'])('refuse at %s who shows no token where nothing is public', async (path) => {
      await start({ namespaces: {} });
      expect(await withoutBody(path, undefined, 50_000)).toBe(401);
    });

    it('refuse a publish of who may publish nowhere', async () => {
      await start({ namespaces: {} });
      expect(await withoutBody('/v1/publish', node.ticket('u1', { publish: [] }), 50_000)).toBe(403);
    });

    it.each(['/v1/poll', '/v1/stream', '/v1/publish'])('refuse at %s who is over the limit', async (path) => {
      await start({ pollRate: ONCE(1), publishRate: ONCE(1) });
      const ticket = node.ticket();
      const garbage = await post(`${node.url}${path}`, '{"channels":1}', { ticket });
      expect(garbage.status).toBe(400);
      expect(await withoutBody(path, ticket, 50_000)).toBe(429);
    });

    it.each(['/v1/poll', '/v1/stream'])('refuse at %s a body over 64 KiB, which a publish may have', async (path) => {
      await start({});
      expect(await withoutBody(path, node.ticket(), 65_537)).toBe(413);
      const large = { channel: 'news', data: 1, more: 'x'.repeat(100_000) };
      expect((await post(`${node.url}/v1/publish`, large, { ticket: PUBLISH_KEY })).status).toBe(200);
    });

    it('give back what a request costs less than the unit that came first', async () => {
      await start({ pollRate: ONCE(2) });
      const ticket = node.ticket();
      const answers = [];
      for (let n = 0; n < 14; n++) answers.push((await poll({ news: 'now' }, 0, { ticket })).status);
      // Eleven leave 0.9 of a unit.
      expect(answers.filter((status) => status === 200).length).toBe(11);
    });
  });

  it('close a link that sends a large frame before it has connected, and decode none', async () => {
    await start({});
    const client = new SocketClient(node.url);
    open.push(client);
    client.raw(`{"type":"connect","id":1,"version":1,"token":"${'x'.repeat(11_000)}"}`);
    expect(await client.events.next()).toMatchObject({ type: 'closed', code: 4504 });
  });

  it('let a poll go on for nothing only where each channel that it names had more', async () => {
    await start({ pollRate: ONCE(5) });
    for (let n = 0; n < 200; n++) {
      await node.broker.publish({ channel: 'a', data: JSON.stringify('x'.repeat(1_000)) });
      await node.broker.publish({ channel: 'b', data: JSON.stringify('x'.repeat(1_000)) });
    }
    // Just above 64 KiB: a unit, of which the two channels are a part.
    const poll = (channels: Record<string, string>, waitMs: number, options: PostOptions) =>
      post(`${node.url}/v1/poll`, { channels, waitMs, maxBytes: 66_000 }, options);
    const ticket = node.ticket();
    const first = await poll({ a: '-1', b: '-1' }, 0, { ticket });
    const positions = (answer: typeof first) =>
      Object.fromEntries(
        Object.entries(answer.body.channels as Record<string, { offset: string; more?: true }>).map(
          ([name, { offset, more }]) => [name, more ? offset : ''],
        ),
      );
    const both = positions(first);
    expect(both).toEqual({ a: expect.stringMatching(/^\d/), b: expect.stringMatching(/^\d/) });
    // The others of a poll that goes on are read for the first time: they are paid for, as all of it is.
    const others = Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`c${n}`, 'now']));
    expect((await poll({ ...both, ...others }, 0, { ticket })).status).toBe(200);
    expect((await poll({ ...both, ...others }, 0, { ticket })).status).toBe(429);

    const another = node.ticket('u2');
    let answer = await poll({ a: '-1', b: '-1' }, 0, { ticket: another });
    // Nothing is left but what is owed.
    const spent = Object.fromEntries(Array.from({ length: 28 }, (_, n) => [`d${n}`, 'now']));
    const owed = positions(answer);
    answer = await poll(owed, 0, { ticket: another });
    expect(answer.status).toBe(200);
    expect((await poll(spent, 0, { ticket: another })).status).toBe(200);
    expect((await poll(positions(answer), 0, { ticket: another })).status).toBe(429);
  });

  it('have a poll that goes on paid for where the one before asked for a small answer, and got one', async () => {
    await start({ pollRate: ONCE(1) });
    for (let n = 0; n < 3; n++) await node.broker.publish({ channel: 'a', data: String(n) });
    const ticket = node.ticket();
    const poll = (after: string) => post(`${node.url}/v1/poll`, { channels: { a: after }, maxBytes: 1 }, { ticket });
    const { status, body } = await poll('-1');
    const { more, offset } = (body.channels as Record<string, { offset: string; more?: true }>).a ?? {};
    expect([status, more]).toEqual([200, true]);
    expect((await poll(offset ?? '')).status).toBe(429);
  });

  it('refuse a stream of more channels than a connection may have', async () => {
    await start({ options: { channelsPerConnection: 2 } });
    const stream = openStream({ url: node.url, ticket: node.ticket() }, { a: 'now', b: 'now', c: 'now' });
    expect(await stream.events.next()).toMatchObject({ status: 400, code: 'too_many_channels' });
  });

  describe('count as connections', () => {
    it('a stream once, a publisher never, and a user who polls with many tickets once', async () => {
      await start({});
      const count = () => node.node.stats().connections;
      for (let n = 0; n < 5; n++) open.push(openStream({ url: node.url, ticket: node.ticket() }, { news: 'now' }));
      await expect.poll(() => node.node.stats().streams).toBe(5);
      expect(count()).toBe(5);
      for (let n = 0; n < 5; n++) {
        await post(`${node.url}/v1/publish`, { channel: 'news', data: 1 }, { ticket: node.ticket(`p${n}`) });
      }
      expect(count()).toBe(5);
      for (let n = 0; n < 5; n++) await poll({ news: 'now' }, 0, { ticket: node.ticket() });
      expect(count()).toBe(6);
      await poll({ news: 'now' }, 0, { ticket: node.ticket('u2') });
      expect(count()).toBe(7);
    });

    it('every poll that waits, also where all of them come from one address, and none that has gone', async () => {
      await start({ namespaces: PUBLIC });
      const { body } = await poll({ 'pub:x': 'now' }, 0);
      const { offset } = (body.channels as Record<string, { offset: string }>)['pub:x'] ?? { offset: '' };
      expect(node.node.stats().connections).toBe(1);
      const leave = new AbortController();
      const waiting = Array.from({ length: 10 }, () =>
        poll({ 'pub:x': offset }, 60_000, { signal: leave.signal }).catch(() => undefined),
      );
      await expect.poll(() => node.node.stats().waitingPolls).toBe(10);
      expect(node.node.stats().connections).toBe(10);
      leave.abort();
      await Promise.all(waiting);
      await expect.poll(() => node.node.stats().connections).toBe(1);
    });
  });

  it('have no place for a poll that would wait at a full node, and answer one that would not', async () => {
    await start({ options: { maxConnections: 1 } });
    const client = new SocketClient(node.url);
    open.push(client);
    client.connect(node.ticket());
    await client.events.nextOf('connected');
    const { status, body } = await poll({ news: 'now' }, 0, { ticket: node.ticket() });
    expect(status).toBe(200);
    const { offset = '' } = (body.channels as Record<string, { offset: string }>).news ?? {};
    const refused = await poll({ news: offset }, 60_000, { ticket: node.ticket() });
    expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded', retryAfterMs: expect.any(Number) } });
  });

  it.each(['polls', 'publishes'])('take up a reservation once, however often its client %s', async (how) => {
    const reports: (readonly string[])[] = [];
    const registry = createMemoryRegistry();
    const report = registry.report.bind(registry);
    registry.report = (given) => {
      reports.push(given.claimed);
      return report(given);
    };
    await start({ parts: { registry } });
    const ticket = node.ticket('u1', {}, 600_000, 'place.n1');
    const publish = () => post(`${node.url}/v1/publish`, { channel: 'news', data: 1 }, { ticket });
    for (let n = 0; n < 3; n++) {
      expect((await (how === 'polls' ? poll({ news: 'now' }, 0, { ticket }) : publish())).status).toBe(200);
      const before = reports.length;
      await expect.poll(() => reports.length).toBeGreaterThan(before + 1);
    }
    expect(reports.flat()).toEqual(['place.n1']);
  });

  it('show nobody the name of a token', async () => {
    await start({ allowUserTokens: true });
    const reader = new SocketClient(node.url);
    open.push(reader);
    reader.connect(node.ticket());
    reader.command({ type: 'subscribe', channels: { news: 'now' } });
    await reader.events.nextOf('subscribed');
    const ticket = node.token('u1', 'the-jti-of-a-token');
    await post(`${node.url}/v1/publish`, { channel: 'news', data: 1 }, { ticket });
    const message = await reader.events.nextOf('message');
    expect(message.from).toMatchObject({ user: 'u1', connection: expect.any(String) });
    expect(JSON.stringify(message)).not.toContain('the-jti');
  });
});
