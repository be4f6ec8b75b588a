// A stranger's client, written from docs/PROTOCOL.md alone, against the real server: every engine × every broker.

import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis.js';
import { BareSocket, makeToken, readEvents } from './stranger-client.js';
import { type RunningServer, startServer } from './stranger-server.js';

const run = promisify(execFile);
const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const OFFSET = /^\d{13}-\d{16}$/;

interface PollAnswer {
  channels: Record<
    string,
    { offset: string; messages: { offset?: string; data: unknown; from?: unknown }[]; gap?: unknown; more?: true }
  >;
}

describe.each([
  { engine: 'uws', broker: 'memory' },
  { engine: 'ws', broker: 'memory' },
  { engine: 'uws', broker: 'redis' },
  { engine: 'ws', broker: 'redis' },
])('a stranger, with $engine and $broker', ({ engine, broker }) => {
  let redis: RedisServer | undefined;
  let server: RunningServer;
  let base: string;
  let names = 0;

  beforeAll(async () => {
    if (broker === 'redis') redis = await startRedis();
    server = await startServer('start', {
      FANFARE_ENGINE: engine,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_PUBLISH_KEY: 'backend-key-of-the-stranger',
      ...(redis !== undefined && { FANFARE_REDIS_URL: redis.url }),
    });
    base = server.url;
  }, 30_000);
  afterAll(async () => {
    await server?.stop();
    await redis?.stop();
  });

  /** A channel that no other test uses. */
  const freshChannel = (): string => `stranger-${++names}`;
  const token = (grants: object = { subscribe: ['stranger-*'], publish: ['stranger-*'] }): string =>
    makeToken(SECRET, { sub: `user-${++names}`, fanfare: grants });

  async function discover(userToken = token()) {
    const response = await fetch(`${base}/v1/connect`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${userToken}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ exclude: ['n9'], transports: ['websocket', 'long-poll'] }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as {
      node: { id: string; url: string };
      alternatives: unknown[];
      ticket: string;
      expiresInMs: number;
      transports: string[];
    };
  }
  async function connected(userToken?: string) {
    const { node, ticket } = await discover(userToken);
    return BareSocket.connected(node.url, ticket);
  }
  const post = (path: string, bearer: string, body: object): Promise<Response> =>
    fetch(`${base}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  async function publish(channel: string, data: unknown, key?: string): Promise<string> {
    const response = await post('/v1/publish', 'backend-key-of-the-stranger', { channel, data, ...(key && { key }) });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { channel: string; offset: string };
    expect(answer).toEqual({ channel, offset: expect.stringMatching(OFFSET) });
    return answer.offset;
  }

  it('is given a node and a ticket by discovery, and can renew the ticket', async () => {
    const userToken = token();
    const answer = await discover(userToken);
    expect(answer.node).toEqual({ id: expect.any(String), url: expect.stringMatching(/^https?:\/\/[^/]+$/) });
    expect(answer.alternatives).toEqual([]);
    expect(answer.transports).toEqual(['websocket', 'long-poll']);
    expect(answer.expiresInMs).toBeGreaterThan(0);
    const renewed = await fetch(`${base}/v1/ticket`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${userToken}` },
    });
    expect(renewed.status).toBe(200);
    expect(await renewed.json()).toEqual({ ticket: expect.any(String), expiresInMs: expect.any(Number) });
  });

  it('connects and subscribes without waiting, and receives what a backend publishes', async () => {
    const channel = freshChannel();
    const { node, ticket } = await discover();
    const socket = await BareSocket.open(node.url);
    socket.command('connect', { version: 1, token: ticket, agent: 'stranger/1', features: ['x_unheard_of'] });
    socket.command('subscribe', { channels: { [channel]: 'now' }, x_mine: true });
    expect(await socket.next()).toMatchObject({
      type: 'connected',
      id: 1,
      connection: expect.any(String),
      node: node.id,
      user: expect.stringMatching(/^user-/),
      expiresInMs: expect.any(Number),
      heartbeatMs: 25_000,
      limits: { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 },
    });
    const subscribed = await socket.next();
    expect(subscribed).toEqual({
      type: 'subscribed',
      id: 2,
      channel,
      offset: expect.stringMatching(OFFSET),
      recovered: true,
    });
    const offset = await publish(channel, { text: 'grüße', list: [1, null, true] });
    expect(await socket.next()).toEqual({
      type: 'message',
      channel,
      offset,
      data: { text: 'grüße', list: [1, null, true] },
    });
    expect(offset > String(subscribed.offset)).toBe(true);
    await socket.close();
  });

  it('resumes from its last offset on a new link with each later message once and in order', async () => {
    const channel = freshChannel();
    const first = await connected();
    first.socket.command('subscribe', { channels: { [channel]: 'now' } });
    await first.socket.nextOf('subscribed');
    await publish(channel, 1);
    const position = (await first.socket.nextOf('message')).offset;
    await first.socket.close();
    for (let value = 2; value <= 20; value++) await publish(channel, value);

    const { socket } = await connected();
    const id = socket.command('subscribe', { channels: { [channel]: position } });
    expect(await socket.next()).toEqual({ type: 'subscribed', id, channel, offset: position, recovered: true });
    for (let value = 2; value <= 20; value++) expect((await socket.next()).data).toBe(value);
    await publish(channel, 21);
    expect((await socket.next()).data).toBe(21);
    await socket.close();
  });

  it('is told a gap when its position has been trimmed, and then gets what is left', async () => {
    const channel = freshChannel();
    const old = await publish(channel, 0);
    for (let value = 1; value <= 120; value++) await publish(channel, value);
    const { socket } = await connected();
    socket.command('subscribe', { channels: { [channel]: old } });
    expect(await socket.next()).toMatchObject({ type: 'subscribed', channel, recovered: false });
    const gap = await socket.next();
    expect(gap).toEqual({ type: 'gap', channel, after: old, offset: expect.stringMatching(OFFSET), reason: 'trimmed' });
    const next = await socket.next();
    expect(String(next.offset) > String(gap.offset)).toBe(true);
    expect(next.data).toBe(21);
    for (let value = 22; value <= 120; value++) expect((await socket.next()).data).toBe(value);
    await socket.close();
  });

  it('is told a gap when its position is none of the channel', async () => {
    const channel = freshChannel();
    await publish(channel, 'here');
    const { socket } = await connected();
    socket.command('subscribe', { channels: { [channel]: '9999999999999-0000000000000001' } });
    expect(await socket.next()).toMatchObject({ type: 'subscribed', recovered: false });
    expect(await socket.next()).toMatchObject({ type: 'gap', reason: expect.any(String) });
    await socket.close();
  });

  it('reads all history from -1, and is answered with its position when it subscribes again', async () => {
    const channel = freshChannel();
    await publish(channel, 'a');
    const last = await publish(channel, 'b');
    const { socket } = await connected();
    socket.command('subscribe', { channels: { [channel]: '-1' } });
    expect(await socket.next()).toMatchObject({ type: 'subscribed', recovered: true });
    expect((await socket.next()).data).toBe('a');
    expect((await socket.next()).data).toBe('b');
    const id = socket.command('subscribe', { channels: { [channel]: '-1' } });
    expect(await socket.next()).toEqual({ type: 'subscribed', id, channel, offset: last, recovered: true });
    await socket.close();
  });

  it('publishes, is stamped as the sender, and stores a repeated key once', async () => {
    const channel = freshChannel();
    const { socket, connected: welcome } = await connected();
    socket.command('subscribe', { channels: { [channel]: 'now' } });
    await socket.nextOf('subscribed');
    const sent = { channel, data: { text: 'hi' }, key: 'm-17' };
    const id = socket.command('publish', { ...sent, from: { user: 'somebody else' } });
    const both = [await socket.next(), await socket.next()];
    const published = both.find((event) => event.type === 'published');
    expect(published).toEqual({ type: 'published', id, channel, offset: expect.stringMatching(OFFSET) });
    expect(both.find((event) => event.type === 'message')).toEqual({
      type: 'message',
      channel,
      offset: published?.offset,
      data: { text: 'hi' },
      from: { connection: welcome.connection, user: welcome.user },
    });
    const again = socket.command('publish', sent);
    expect(await socket.next()).toEqual({ type: 'published', id: again, channel, offset: published?.offset });
    const other = socket.command('publish', { ...sent, data: 'other' });
    expect(await socket.next()).toMatchObject({ type: 'error', id: other, code: 'idempotency_conflict' });
    await socket.close();
  });

  it('is refused one channel and keeps the others and the link', async () => {
    const channel = freshChannel();
    const { socket } = await connected();
    const id = socket.command('subscribe', { channels: { secret: 'now', [channel]: 'now' } });
    const both = [await socket.next(), await socket.next()];
    expect(both).toContainEqual(
      expect.objectContaining({ type: 'error', id, channel: 'secret', code: 'forbidden_channel' }),
    );
    expect(both).toContainEqual(expect.objectContaining({ type: 'subscribed', id, channel }));
    const leave = socket.command('unsubscribe', { channels: [channel] });
    expect(await socket.next()).toEqual({ type: 'unsubscribed', id: leave, channel });
    await socket.close();
  });

  it('refreshes its ticket on a live connection', async () => {
    const claims = { sub: `user-${++names}`, fanfare: { subscribe: ['stranger-*'] } };
    const { socket } = await connected(makeToken(SECRET, claims));
    const { ticket } = await discover(makeToken(SECRET, claims));
    const id = socket.command('refresh', { token: ticket });
    expect(await socket.next()).toEqual({ type: 'refreshed', id, expiresInMs: expect.any(Number) });
    const other = await discover(makeToken(SECRET, { ...claims, sub: 'another' }));
    const refused = socket.command('refresh', { token: other.ticket });
    expect(await socket.next()).toMatchObject({ type: 'error', id: refused, code: 'forbidden' });
    await socket.close();
  });

  it('is closed with 4005 when its ticket ends', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { socket } = await connected(makeToken(SECRET, { sub: 'brief', iat: now, exp: now + 1 }));
    expect((await socket.closed).code).toBe(4005);
  }, 15_000);

  it('polls: now gives a position at once, a short poll what came, a long poll what comes', async () => {
    const channel = freshChannel();
    const { ticket } = await discover();
    const poll = async (after: string, waitMs: number) => {
      const response = await post('/v1/poll', ticket, { channels: { [channel]: after }, waitMs });
      return {
        status: response.status,
        body: response.status === 200 ? ((await response.json()) as PollAnswer) : null,
      };
    };
    const start = (await poll('now', 20_000)).body?.channels[channel];
    expect(start).toEqual({ offset: expect.stringMatching(OFFSET), messages: [] });
    expect((await poll(String(start?.offset), 0)).status).toBe(204);

    const first = await publish(channel, 'between two polls');
    const short = (await poll(String(start?.offset), 0)).body?.channels[channel];
    expect(short).toEqual({ offset: first, messages: [{ offset: first, data: 'between two polls' }] });

    const waiting = poll(first, 20_000);
    const second = await publish(channel, 'while waiting');
    expect((await waiting).body?.channels).toEqual({
      [channel]: { offset: second, messages: [{ offset: second, data: 'while waiting' }] },
    });
    expect((await poll(second, 50)).status).toBe(204);
  });

  it('polls with curl, and reads a problem document when a channel may not be read', async () => {
    const channel = freshChannel();
    const offset = await publish(channel, { via: 'curl' });
    const { ticket } = await discover();
    const curl = async (channels: object) => {
      const { stdout } = await run('curl', [
        ...['-sS', '-X', 'POST', `${base}/v1/poll`, '-H', `Authorization: Bearer ${ticket}`],
        ...['-H', 'Content-Type: application/json', '-d', JSON.stringify({ channels, waitMs: 0 })],
        ...['-w', '\n%{http_code} %{content_type}'],
      ]);
      const [body = '', status = ''] = stdout.split('\n');
      return { body: JSON.parse(body) as unknown, status };
    };
    expect(await curl({ [channel]: '-1' })).toEqual({
      status: '200 application/json',
      body: { channels: { [channel]: { offset, messages: [{ offset, data: { via: 'curl' } }] } } },
    });
    expect(await curl({ [channel]: '-1', secret: '-1', other: 'now' })).toEqual({
      status: '403 application/problem+json',
      body: expect.objectContaining({ status: 403, code: 'forbidden_channel', channels: ['secret', 'other'] }),
    });
  });

  it('streams with fetch: connected, subscribed, what was missed, then live', async () => {
    const channel = freshChannel();
    const missed = await publish(channel, 'missed');
    const { ticket } = await discover();
    const abort = new AbortController();
    const response = await fetch(`${base}/v1/stream`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { [channel]: '-1' } }),
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    if (response.body === null) throw new Error('no body');
    const events = readEvents(response.body);
    const next = async () => (await events.next()).value;
    expect(await next()).toMatchObject({ name: 'connected', data: { type: 'connected', heartbeatMs: 25_000 } });
    expect(await next()).toMatchObject({ name: 'subscribed', data: { type: 'subscribed', channel, recovered: true } });
    expect(await next()).toEqual({
      name: 'message',
      data: { type: 'message', channel, offset: missed, data: 'missed' },
    });
    const live = await publish(channel, 'live');
    expect(await next()).toEqual({ name: 'message', data: { type: 'message', channel, offset: live, data: 'live' } });
    abort.abort();
  });

  it('streams with curl and is told the end of its ticket by a close event', async () => {
    const channel = freshChannel();
    const now = Math.floor(Date.now() / 1000);
    const { ticket } = await discover(
      makeToken(SECRET, { sub: 'brief', iat: now, exp: now + 1, fanfare: { subscribe: ['stranger-*'] } }),
    );
    const curl = spawn('curl', [
      ...['-sS', '-N', '-X', 'POST', `${base}/v1/stream`, '-H', `Authorization: Bearer ${ticket}`],
      ...['-H', 'Content-Type: application/json', '-d', JSON.stringify({ channels: { [channel]: 'now' } })],
    ]);
    const names: string[] = [];
    let last: object | undefined;
    for await (const { name, data } of readEvents(curl.stdout)) {
      names.push(name);
      last = data;
    }
    expect(names).toEqual(['connected', 'subscribed', 'close']);
    expect(last).toMatchObject({ code: 4005, reason: expect.any(String) });
  }, 15_000);

  it('publishes by HTTP as a user, with the same promises', async () => {
    const channel = freshChannel();
    const { ticket } = await discover();
    const body = { channel, data: [1], key: 'k-1' };
    const answers = [await post('/v1/publish', ticket, body), await post('/v1/publish', ticket, body)];
    const [first, second] = await Promise.all(answers.map((answer) => answer.json()));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(second).toEqual(first);
    expect((await post('/v1/publish', ticket, { ...body, data: [2] })).status).toBe(409);
    const forbidden = await post('/v1/publish', ticket, { channel: 'secret', data: 1 });
    expect(forbidden.status).toBe(403);
    expect(await forbidden.json()).toMatchObject({ code: 'forbidden', status: 403 });
    const polled = await post('/v1/poll', ticket, { channels: { [channel]: '-1' } });
    const answer = (await polled.json()) as PollAnswer;
    expect(answer.channels[channel]?.messages).toEqual([
      {
        offset: (first as { offset: string }).offset,
        data: [1],
        from: { connection: expect.any(String), user: expect.any(String) },
      },
    ]);
  });

  it('sees the errors that the table promises', async () => {
    const socket = await BareSocket.open(base);
    socket.command('connect', { version: 1, token: 'not.a.token' });
    expect(await socket.next()).toMatchObject({ type: 'error', id: 1, code: 'token_malformed' });
    expect((await socket.closed).code).toBe(4501);

    const bad = await post('/v1/poll', 'not.a.token', { channels: { news: 'now' } });
    expect(bad.status).toBe(401);
    expect(bad.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(bad.headers.get('content-type')).toBe('application/problem+json');
    expect(await bad.json()).toMatchObject({ code: 'token_malformed', status: 401, detail: expect.any(String) });

    const version = await BareSocket.open(base);
    version.command('connect', { version: 99, token: token() });
    expect(await version.next()).toMatchObject({ type: 'error', code: 'unsupported_version' });
    expect((await version.closed).code).toBe(4505);
  });

  it.runIf(broker === 'redis')('receives what redis-cli publishes, logged and live', async () => {
    const channel = freshChannel();
    const { socket } = await connected();
    socket.command('subscribe', { channels: { [channel]: 'now' } });
    await socket.nextOf('subscribed');
    const cli = async (...args: string[]) => (await run('redis-cli', ['-u', redis?.url ?? '', ...args])).stdout.trim();

    const offset = await cli('FCALL', 'fanfare_publish', '1', channel, '{"from":"redis"}', 'order-17');
    const logged = await socket.next();
    expect(logged).toMatchObject({ type: 'message', channel, data: { from: 'redis' } });
    const [ms = '', seq = ''] = offset.split('-');
    expect(logged.offset).toBe(`${ms.padStart(13, '0')}-${seq.padStart(16, '0')}`);
    expect(await cli('FCALL', 'fanfare_publish', '1', channel, '{"from":"redis"}', 'order-17')).toBe(offset);

    await cli('PUBLISH', `fanfare:{${channel}}`, 'hello');
    expect(await socket.next()).toEqual({ type: 'message', channel, data: 'hello' });

    const keys = [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
    await cli('FCALL', 'fanfare_publish', '2', ...keys, '{"form":"full"}');
    expect((await socket.next()).data).toEqual({ form: 'full' });
    await socket.close();
  });

  it('is drained on SIGTERM, which exits 0', async () => {
    const other = await startServer('start', { FANFARE_ENGINE: engine, FANFARE_AUTH_SECRET: SECRET });
    const { socket } = await BareSocket.connected(other.url, token());
    const exited = other.stop('SIGTERM');
    expect((await socket.closed).code).toBe(4000);
    expect(await exited).toBe(0);
  }, 15_000);
});
