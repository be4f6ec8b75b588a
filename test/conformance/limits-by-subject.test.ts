// A limit holds for its subject, whatever it comes by: many sockets, many tickets, WebSocket and HTTP together, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { openStream, SocketClient } from '../support/feed.js';
import { type PostAnswer, post } from '../support/http-post.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

/** What is spent does not come back while a test runs. */
const ONCE = (burst: number) => ({ perSecond: 0.001, burst });
const OPEN = { demo: { public: true, anonymous: true } };

describe.each(['uws', 'ws'] as const)('limits by subject on the %s engine', (engine) => {
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

  async function connected(ticket: string): Promise<SocketClient> {
    const client = new SocketClient(node.url);
    open.push(client);
    client.connect(ticket);
    await client.events.nextOf('connected');
    return client;
  }

  const poll = (ticket: string, channels: Record<string, string>, waitMs = 0): Promise<PostAnswer> =>
    post(`${node.url}/v1/poll`, { channels, waitMs }, { ticket });

  const publish = (ticket: string): Promise<PostAnswer> =>
    post(`${node.url}/v1/publish`, { channel: 'news', data: 1 }, { ticket });

  /** The beginning of what a stream by a channel's URL says. */
  async function firstOfUrl(ticket: string, channel = 'news'): Promise<string> {
    const leaving = new AbortController();
    open.push({ close: () => leaving.abort() });
    const init = { headers: { Authorization: `Bearer ${ticket}` }, signal: leaving.signal };
    const { body } = await fetch(`${node.url}/v1/channels/${channel}?live=sse&offset=now`, init);
    const first = await body?.getReader().read();
    return Buffer.from(first?.value ?? []).toString();
  }

  /** Sends `count` commands at once; answers how many were not over the limit. */
  async function passing(client: SocketClient, fields: object, count: number): Promise<number> {
    for (let n = 0; n < count; n++) client.command(fields);
    const answers = await client.events.take(count, 'published', 'error');
    return answers.filter(({ code }) => code !== 'rate_limited').length;
  }

  it('one user publishes no more by many sockets, many tickets and HTTP than by one', async () => {
    await start({ publishRate: ONCE(8) });
    const ticket = node.ticket();
    let published = 0;
    for (let n = 0; n < 3; n++) {
      published += await passing(await connected(ticket), { type: 'publish', channel: 'news', data: n }, 4);
    }
    expect(published).toBe(8);
    const refused = await publish(node.ticket());
    expect(refused.status).toBe(429);
    expect(refused.headers.ratelimit).toMatch(/^"publishes";r=0/);
    expect((await publish(node.ticket('u2'))).status).toBe(200);
    expect(node.node.stats().rateLimited).toBe(5);
  });

  it('who has no name publishes by its address, whatever its tickets', async () => {
    const namespaces = { default: { anonymous: true, clientPublish: true } };
    await start({ publishRate: ONCE(3), namespaces });
    const published = async (from: string) => {
      const body = { channel: 'news', data: 1 };
      const answer = await post(`${node.url}/v1/publish`, body, { ticket: node.ticket(null), from });
      return answer.status;
    };
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push(await published('127.0.0.1'));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await published('127.0.0.2')).toBe(200);
    const client = await connected(node.ticket(null));
    expect(await passing(client, { type: 'publish', channel: 'news', data: 1 }, 2)).toBe(0);
  });

  it('one ticket sends no more commands on many sockets than on one, and one user five times that', async () => {
    await start({ commandRate: ONCE(10) });
    const burst = async (ticket: string) =>
      passing(await connected(ticket), { type: 'unsubscribe', channels: ['x'] }, 15);
    const refused = async (ticket: string) => {
      const client = new SocketClient(node.url);
      open.push(client);
      client.connect(ticket);
      expect(await client.events.nextOf('error')).toMatchObject({ code: 'rate_limited', id: 1 });
      expect(await client.events.nextOf('closed')).toMatchObject({ code: 4004 });
    };
    const first = node.ticket();
    // The connect itself is the first of the ten.
    expect(await burst(first)).toBe(9);
    await refused(first);
    const others = [];
    for (let n = 0; n < 4; n++) others.push(await burst(node.ticket()));
    expect(others).toEqual([9, 9, 9, 9]);
    await refused(node.ticket());
    expect(await burst(node.ticket('u2'))).toBe(9);
  });

  it('one user polls five times as much with many tickets as with one', async () => {
    await start({ pollRate: ONCE(4) });
    const channels = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`c${n}`, 'now']));
    const passed = async (ticket: string) => {
      let count = 0;
      for (let n = 0; n < 6; n++) if ((await poll(ticket, channels)).status === 200) count++;
      return count;
    };
    const tickets = Array.from({ length: 7 }, () => node.ticket());
    const counts = [];
    for (const ticket of tickets) counts.push(await passed(ticket));
    expect(counts).toEqual([4, 4, 4, 4, 4, 0, 0]);
    expect(await passed(node.ticket('u2'))).toBe(4);
  });

  describe('channels that nobody has open', () => {
    const named = (count: number, prefix: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, 'now']));

    it('are so many for one ticket, by every transport, and those that are open cost nothing', async () => {
      await start({ openingRate: ONCE(8) });
      const ticket = node.ticket();
      const client = await connected(ticket);
      const id = client.command({ type: 'subscribe', channels: named(5, 'a') });
      await client.events.take(5, 'subscribed');
      client.command({ type: 'subscribe', channels: named(4, 'b') });
      const refused = await client.events.nextOf('error');
      expect(refused).toMatchObject({ id: id + 1, code: 'rate_limited', retryAfterMs: expect.any(Number) });
      expect(node.node.stats().channels).toBe(5);
      const overHttp = await poll(ticket, named(4, 'b'));
      expect(overHttp).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
      expect(overHttp.headers.ratelimit).toMatch(/^"openings"/);
      const stream = openStream({ url: node.url, ticket }, named(4, 'b'));
      open.push(stream);
      expect(await stream.events.nextOf('refused')).toMatchObject({ status: 429 });
      expect((await poll(ticket, named(3, 'b'))).status).toBe(200);
      expect((await poll(ticket, named(1, 'c'))).status).toBe(429);
      expect((await poll(ticket, named(5, 'a'))).status).toBe(200);
    });

    it('cost nothing where they may not be read', async () => {
      await start({ openingRate: ONCE(1) });
      const client = await connected(node.ticket('u1', { subscribe: ['mine'] }));
      client.command({ type: 'subscribe', channels: { ...named(3, 'theirs'), mine: 'now' } });
      expect(await client.events.nextOf('subscribed')).toMatchObject({ channel: 'mine' });
    });
  });

  describe('links of one user', () => {
    it('are so many at the same time, of every kind, and others do not notice', async () => {
      await start({ options: { linksPerUser: 3 } });
      const socket = await connected(node.ticket());
      const stream = openStream({ url: node.url, ticket: node.ticket() }, { news: 'now' });
      open.push(stream);
      const { offset = '' } = await stream.events.nextOf('subscribed');
      const waiting = new AbortController();
      const ticket = node.ticket();
      const body = { channels: { news: offset }, waitMs: 60_000 };
      const gone = post(`${node.url}/v1/poll`, body, { ticket, signal: waiting.signal }).catch(() => undefined);
      await expect.poll(() => node.node.stats().waitingPolls).toBe(1);

      const fourth = new SocketClient(node.url);
      open.push(fourth);
      fourth.connect(node.ticket());
      const refusal = { code: 'too_many_connections', retryAfterMs: expect.any(Number) };
      expect(await fourth.events.nextOf('error')).toMatchObject(refusal);
      expect(await fourth.events.nextOf('closed')).toMatchObject({ code: 4001 });
      const another = openStream({ url: node.url, ticket: node.ticket() }, { news: 'now' });
      expect(await another.events.nextOf('refused')).toMatchObject({ status: 429, ...refusal });
      const polled = await poll(node.ticket(), { news: offset }, 60_000);
      expect(polled).toMatchObject({ status: 429, body: refusal });
      expect(polled.headers['retry-after']).toBeDefined();
      expect(await firstOfUrl(node.ticket())).toContain('too_many_connections');
      // What does not wait is no link.
      expect((await poll(node.ticket(), { news: offset })).status).toBe(204);
      await connected(node.ticket('u2'));

      // Each gives back its place.
      waiting.abort();
      await gone;
      await expect.poll(() => node.node.stats().waitingPolls).toBe(0);
      const next = await connected(node.ticket());
      next.close();
      await next.events.nextOf('closed');
      stream.close();
      socket.close();
      await expect.poll(() => node.node.stats().streams).toBe(0);
      await expect.poll(() => node.node.stats().sockets).toBe(1);
      for (let n = 0; n < 3; n++) await connected(node.ticket());
    });

    it('are counted by address where that is said, whoever comes, by every kind of link', async () => {
      await start({ options: { linksPerUser: 3, linksBy: 'address' }, namespaces: OPEN });
      await connected(node.ticket('u1'));
      await connected(node.ticket(null));
      const stream = openStream({ url: node.url, ticket: node.ticket('u2') }, { news: 'now' });
      open.push(stream);
      const { offset = '' } = await stream.events.nextOf('subscribed');
      const refusal = { code: 'too_many_connections', retryAfterMs: expect.any(Number) };
      const fourth = new SocketClient(node.url);
      open.push(fourth);
      fourth.connect(node.ticket('u3'));
      expect(await fourth.events.nextOf('error')).toMatchObject(refusal);
      const another = openStream({ url: node.url, ticket: node.ticket('u4') }, { news: 'now' });
      expect(await another.events.nextOf('refused')).toMatchObject({ status: 429, ...refusal });
      expect(await poll(node.ticket('u5'), { news: offset }, 60_000)).toMatchObject({ status: 429, body: refusal });
      expect(await firstOfUrl(node.ticket('u6'))).toContain('too_many_connections');
      const elsewhere = new SocketClient(node.url, { localAddress: '127.0.0.2' });
      open.push(elsewhere);
      elsewhere.connect(node.ticket('u1'));
      await elsewhere.events.nextOf('connected');
      stream.close();
      await expect.poll(() => node.node.stats().streams).toBe(0);
      await connected(node.ticket('u3'));
    });

    it('of which one replaces another of its session count once', async () => {
      await start({ options: { linksPerUser: 2 } });
      const [mine, other] = [node.ticket(), node.ticket()];
      await connected(other);
      const old = await connected(mine);
      const successor = await connected(mine);
      old.close();
      await old.events.nextOf('closed');
      await expect.poll(() => node.node.stats().sockets).toBe(2);
      await connected(mine);
      expect(successor.events.size).toBe(0);
      const fourth = new SocketClient(node.url);
      open.push(fourth);
      fourth.connect(mine);
      expect(await fourth.events.nextOf('error')).toMatchObject({ code: 'too_many_connections' });
    });

    it('are not counted where the limit is 0', async () => {
      await start({ options: { linksPerUser: 0 }, namespaces: OPEN });
      for (let n = 0; n < 5; n++) await connected(node.ticket());
      for (let n = 0; n < 5; n++) await connected(node.ticket(null));
    });

    it('are those of one address where they have no name, of every kind, and users there do not notice', async () => {
      await start({ options: { linksPerUser: 2, maxConnections: 12 }, namespaces: OPEN });
      await connected(node.ticket(null));
      const stream = openStream({ url: node.url, ticket: node.ticket(null) }, { 'demo:1': 'now' });
      open.push(stream);
      const { offset = '' } = await stream.events.nextOf('subscribed');
      const waiting = new AbortController();
      const body = { channels: { 'demo:1': offset }, waitMs: 60_000 };
      const gone = post(`${node.url}/v1/poll`, body, { signal: waiting.signal }).catch(() => undefined);
      await expect.poll(() => node.node.stats().waitingPolls).toBe(1);

      const refusal = { code: 'too_many_connections', retryAfterMs: expect.any(Number) };
      const fourth = new SocketClient(node.url);
      open.push(fourth);
      fourth.connect(node.ticket(null));
      expect(await fourth.events.nextOf('error')).toMatchObject(refusal);
      const another = openStream({ url: node.url, ticket: node.ticket(null) }, { 'demo:1': 'now' });
      expect(await another.events.nextOf('refused')).toMatchObject({ status: 429, ...refusal });
      expect(await post(`${node.url}/v1/poll`, body)).toMatchObject({ status: 429, body: refusal });
      expect(await firstOfUrl(node.ticket(null), 'demo:1')).toContain('too_many_connections');
      await connected(node.ticket('u1'));
      const elsewhere = new SocketClient(node.url, { localAddress: '127.0.0.2' });
      open.push(elsewhere);
      elsewhere.connect(node.ticket(null));
      await elsewhere.events.nextOf('connected');

      waiting.abort();
      await gone;
      stream.close();
      await expect.poll(() => node.node.stats().streams).toBe(0);
      await expect.poll(() => node.node.stats().waitingPolls).toBe(0);
      for (let n = 0; n < 2; n++) await connected(node.ticket(null));
    });
  });
});
