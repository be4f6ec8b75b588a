// A stranger's client, written from docs/PROTOCOL.md alone: discovery, WebSocket, resume, publish, errors, Redis.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { BareSocket } from './stranger-client.js';
import { startServer } from './stranger-server.js';
import { type Discovered, describeForStranger, OFFSET, SECRET } from './stranger-world.js';

const run = promisify(execFile);

describeForStranger('a stranger on a WebSocket', (world) => {
  // Without Redis there is nothing that redis-cli could publish to: the test does not exist there.
  const withRedis: (title: string, run: () => Promise<void>) => void = world.hasRedis ? it : () => undefined;

  it('is given a node and a ticket by discovery, and can renew the ticket', async () => {
    const userToken = world.token();
    const answer = await world.discover(userToken);
    expect(answer.node).toEqual({
      id: expect.any(String),
      url: expect.stringMatching(/^https?:\/\/[^/]+$/),
      features: ['ping', 'quiet', 'batch', 'positions', 'brief'],
    });
    expect(answer.alternatives).toEqual([]);
    expect(answer.transports).toEqual(['websocket', 'long-poll']);
    expect(answer.expiresInMs).toBeGreaterThan(0);
    const renewed = await fetch(`${world.base}/v1/ticket`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${userToken}` },
    });
    expect(renewed.status).toBe(200);
    const { connection, user } = answer;
    expect([connection, user]).toEqual([expect.stringMatching(/^c-/), expect.any(String)]);
    expect(await renewed.json()).toEqual({
      ticket: expect.any(String),
      expiresInMs: expect.any(Number),
      connection: expect.stringMatching(/^c-/),
      user,
    });
  });

  it('connects and subscribes without waiting, and receives what a backend publishes', async () => {
    const channel = world.channel();
    const { node, ticket } = await world.discover();
    const socket = await BareSocket.open(node.url);
    socket.command('connect', { version: 1, token: ticket, features: ['x_unheard_of'] });
    socket.command('subscribe', { channels: { [channel]: 'now' }, x_mine: true });
    expect(await socket.next()).toMatchObject({
      type: 'connected',
      id: 1,
      connection: expect.stringMatching(/^c-[\w-]{16}\.[\w-]+$/),
      node: node.id,
      user: expect.stringMatching(/^user-/),
      expiresInMs: expect.any(Number),
      heartbeatMs: 7_000,
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
    const offset = await world.publish(channel, { text: 'grüße', list: [1, null, true] });
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
    const channel = world.channel();
    const first = await world.connected();
    first.socket.command('subscribe', { channels: { [channel]: 'now' } });
    await first.socket.nextOf('subscribed');
    await world.publish(channel, 1);
    const position = (await first.socket.nextOf('message')).offset;
    await first.socket.close();
    for (let value = 2; value <= 20; value++) await world.publish(channel, value);

    const { socket } = await world.connected();
    const id = socket.command('subscribe', { channels: { [channel]: position } });
    expect(await socket.next()).toEqual({ type: 'subscribed', id, channel, offset: position, recovered: true });
    for (let value = 2; value <= 20; value++) expect((await socket.next()).data).toBe(value);
    await world.publish(channel, 21);
    expect((await socket.next()).data).toBe(21);
    await socket.close();
  });

  it('is told a gap when its position has been trimmed, and then gets what is left', async () => {
    const channel = world.channel();
    const old = await world.publish(channel, 0);
    for (let value = 1; value <= 120; value++) await world.publish(channel, value);
    const { socket } = await world.connected();
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
    const channel = world.channel();
    await world.publish(channel, 'here');
    const { socket } = await world.connected();
    socket.command('subscribe', { channels: { [channel]: '9999999999999-0000000000000001' } });
    expect(await socket.next()).toMatchObject({ type: 'subscribed', recovered: false });
    expect(await socket.next()).toMatchObject({ type: 'gap', reason: expect.any(String) });
    await socket.close();
  });

  it('reads all history from -1, and is answered with its position when it subscribes again', async () => {
    const channel = world.channel();
    await world.publish(channel, 'a');
    const last = await world.publish(channel, 'b');
    const { socket } = await world.connected();
    socket.command('subscribe', { channels: { [channel]: '-1' } });
    expect(await socket.next()).toMatchObject({ type: 'subscribed', recovered: true });
    expect((await socket.next()).data).toBe('a');
    expect((await socket.next()).data).toBe('b');
    const id = socket.command('subscribe', { channels: { [channel]: '-1' } });
    expect(await socket.next()).toEqual({ type: 'subscribed', id, channel, offset: last, recovered: true });
    await socket.close();
  });

  it('publishes, is stamped as the sender, and stores a repeated key once', async () => {
    const channel = world.channel();
    const { socket, connected: welcome } = await world.connected();
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
    expect(await socket.next()).toEqual({
      type: 'published',
      id: again,
      channel,
      offset: published?.offset,
      duplicate: true,
    });
    const other = socket.command('publish', { ...sent, data: 'other' });
    expect(await socket.next()).toMatchObject({ type: 'error', id: other, code: 'idempotency_conflict' });
    await socket.close();
  });

  it('is refused one channel and keeps the others and the link', async () => {
    const channel = world.channel();
    const { socket } = await world.connected();
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
    const claims = { sub: 'refreshing' };
    const { socket } = await world.connected(world.token(claims));
    const { ticket } = await world.discover(world.token(claims));
    const id = socket.command('refresh', { token: ticket });
    expect(await socket.next()).toEqual({ type: 'refreshed', id, expiresInMs: expect.any(Number) });
    const other = await world.discover(world.token());
    const refused = socket.command('refresh', { token: other.ticket });
    expect(await socket.next()).toMatchObject({ type: 'error', id: refused, code: 'token_claim_invalid' });
    await socket.close();
  });

  it('is closed with 4005 when its ticket ends', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { socket } = await world.connected(world.token({ iat: now, exp: now + 2 }));
    expect((await socket.closed).code).toBe(4005);
  });

  it('needs no token where a namespace is open to everybody', async () => {
    const channel = `demo:${world.channel()}`;
    const response = await fetch(`${world.base}/v1/connect`, { method: 'POST' });
    expect(response.status).toBe(200);
    const { node, ticket } = (await response.json()) as Discovered;
    const { socket, connected } = await BareSocket.connected(node.url, ticket);
    expect(connected.user).toBeNull();
    socket.command('subscribe', { channels: { [channel]: 'now', secret: 'now' } });
    expect([await socket.next(), await socket.next()]).toContainEqual(
      expect.objectContaining({ type: 'error', channel: 'secret', code: 'forbidden_channel' }),
    );
    socket.command('publish', { channel, data: 'from nobody', key: 'k-1' });
    expect(await socket.nextOf('message')).toMatchObject({
      data: 'from nobody',
      from: { connection: connected.connection, user: null },
    });
    await socket.close();

    const headers = { 'Content-Type': 'application/json' };
    const poll = (body: object): Promise<Response> =>
      fetch(`${world.base}/v1/poll`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await poll({ channels: { [channel]: '-1' } })).status).toBe(200);
    expect(await (await poll({ channels: { secret: '-1' } })).json()).toMatchObject({ code: 'token_missing' });
  });

  it('sees the errors that the table promises', async () => {
    const socket = await BareSocket.open(world.base);
    socket.command('connect', { version: 1, token: 'not.a.token' });
    expect(await socket.next()).toMatchObject({ type: 'error', id: 1, code: 'token_malformed' });
    expect((await socket.closed).code).toBe(4501);

    const bad = await world.post('/v1/poll', 'not.a.token', { channels: { news: 'now' } });
    expect(bad.status).toBe(401);
    expect(bad.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(bad.headers.get('content-type')).toBe('application/problem+json');
    expect(await bad.json()).toMatchObject({ code: 'token_malformed', status: 401, detail: expect.any(String) });

    const version = await BareSocket.open(world.base);
    version.command('connect', { version: 99, token: world.token() });
    expect(await version.next()).toMatchObject({ type: 'error', code: 'unsupported_version' });
    expect((await version.closed).code).toBe(4505);
  });

  withRedis('receives what redis-cli publishes, logged and live', async () => {
    const channel = world.channel();
    const { socket } = await world.connected();
    socket.command('subscribe', { channels: { [channel]: 'now' } });
    await socket.nextOf('subscribed');
    const cli = async (...args: string[]) => (await run('redis-cli', ['-u', world.redisUrl, ...args])).stdout.trim();

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
    const other = await startServer('start', { FANFARE_ENGINE: world.engine, FANFARE_AUTH_SECRET: SECRET });
    const { socket } = await BareSocket.connected(other.url, world.token());
    const exited = other.stop('SIGTERM');
    expect((await socket.closed).code).toBe(4000);
    expect(await exited).toBe(0);
  });
});
