// The server in memory that applications test with: that it keeps the promises of a real one, and what a test may do with it.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import type { Client, ClientOptions, Message, Transport } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function world(options: Partial<ClientOptions> = {}) {
  const clock = new FakeClock();
  const server = createTestServer({ clock, user: 'anna' });
  const client = createClient({ ...server.options, ...options });
  clients.push(client);
  return { clock, server, client };
}

/** Data as it comes. */
function heard(client: Client, channel: string, beginning = {}) {
  const data: unknown[] = [];
  client.subscribe(channel, beginning, (message) => data.push(message.data));
  return data;
}

describe.each(TRANSPORTS)('a test server, over %s', (transport) => {
  it('delivers what is published, from where a reader begins, and holds nothing open after', async () => {
    const { clock, server, client } = world({ transports: [transport] });
    server.publish('news', { n: 1 });
    server.publish('news', { n: 2 });
    const now = heard(client, 'news');
    const late = heard(client, 'news', { last: 1 });
    await clock.advance(2_000);
    const offset = server.publish('news', { n: 3 });
    await clock.advance(2_000);
    expect(now).toEqual([{ n: 3 }]);
    expect(late).toEqual([{ n: 2 }, { n: 3 }]);
    expect((await client.history('news')).offset).toBe(offset);
    expect(client.connection).toMatchObject({ user: 'anna', transport });
    client.close();
    await clock.advance(0);
    expect(server.links).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('stores what a client publishes once, and names its sender', async () => {
    const { clock, server, client } = world({ transports: [transport] });
    const messages: Message[] = [];
    client.subscribe('chat', {}, (message) => messages.push(message));
    await clock.advance(2_000);
    const [first, again] = await Promise.all([
      client.publish('chat', 'hi', { key: 'k' }),
      client.publish('chat', 'hi', { key: 'k' }),
      clock.advance(0),
    ]);
    expect(again).toEqual(first);
    await clock.advance(2_000);
    expect(messages).toMatchObject([{ data: 'hi', isOwn: true, from: { user: 'anna' }, time: expect.any(Number) }]);
    expect(server.published).toEqual([{ channel: 'chat', data: 'hi', key: 'k' }]);
  });

  it('loses links, and clients miss nothing but what it has forgotten', async () => {
    const { clock, server, client } = world({ transports: [transport] });
    const news = client.subscribe('news');
    const seen: unknown[] = [];
    news.on('message', ({ data }) => seen.push(data));
    news.on('gap', ({ reason }) => seen.push(reason));
    await clock.advance(2_000);
    server.isDown = true;
    server.cut();
    server.publish('news', 1);
    await clock.advance(30_000);
    server.isDown = false;
    await clock.advance(30_000);
    expect(seen).toEqual([1]);
    server.isDown = true;
    server.end(4000, 'draining');
    server.allow();
    for (const n of [2, 3, 4]) server.publish('news', n);
    server.trim('news', 1);
    await clock.advance(1_000);
    server.isDown = false;
    server.allow(...TRANSPORTS);
    await clock.advance(60_000);
    expect(seen).toEqual([1, 'trimmed', 4]);
  });

  it('refuses a channel that is forbidden, and no other', async () => {
    const { clock, server, client } = world({ transports: [transport] });
    server.forbid('secret');
    const secret = client.subscribe('secret');
    const news = heard(client, 'news');
    const refused = client.publish('secret', 1).catch(({ code }) => code);
    await clock.advance(5_000);
    server.publish('news', 1);
    await clock.advance(5_000);
    expect(secret.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(await refused).toBe('forbidden');
    expect(news).toEqual([1]);
  });
});

it('a test server has clients fall back to what it allows', async () => {
  const { clock, server, client } = world();
  server.allow('long-poll');
  const news = heard(client, 'news');
  await clock.advance(20_000);
  expect(client.connection?.transport).toBe('long-poll');
  server.tell('news', 'live');
  await clock.advance(100);
  expect(news).toEqual(['live']);
});

it.each([
  ['poll', 'sse', 'long-poll'],
  ['sse', 'long-poll', 'sse'],
] as const)(
  'a test server lets no %s through where it allows %s alone, not for history either',
  async (_, allowed, other) => {
    const { clock, server, client } = world({ transports: [other] });
    server.allow(allowed);
    const news = heard(client, 'news');
    const errors: string[] = [];
    client.on('error', ({ code }) => errors.push(code));
    await clock.advance(5_000);
    server.publish('news', 1);
    await clock.advance(5_000);
    expect(news).toEqual([]);
    expect(errors).toContain('network');
    expect(client.state.type).not.toBe('connected');
  },
);

it.each([
  [4000, 'draining', 'draining', 'waiting'],
  [4501, 'token_malformed', 'token_malformed', 'waiting'],
] as const)('a test server ends a poll that waits as a node does: %s', async (code, reason, told, type) => {
  const { clock, server, client } = world({ transports: ['long-poll'] });
  heard(client, 'news');
  await clock.advance(1_000);
  const errors: string[] = [];
  client.on('error', ({ code }) => errors.push(code));
  server.isDown = true;
  server.end(code, reason);
  await clock.advance(0);
  expect(errors[0]).toBe(told);
  expect(client.state.type).toBe(type);
});

it('a test server leaves no listener on the signals of requests that it has answered', async () => {
  const { clock, server } = world();
  const { fetch } = server.options;
  const { signal } = new AbortController();
  const listeners: string[] = [];
  vi.spyOn(signal, 'addEventListener').mockImplementation((type) => void listeners.push(type));
  vi.spyOn(signal, 'removeEventListener').mockImplementation((type) => {
    listeners.splice(listeners.indexOf(type), listeners.includes(type) ? 1 : 0);
  });
  const post = (path: string, body: object) =>
    fetch?.(`http://n1.test/v1/${path}`, { method: 'POST', headers: {}, body: JSON.stringify(body), signal });
  const [connected, polled] = [post('connect', {}), post('poll', { channels: { news: '-1' }, waitMs: 1_000 })];
  await clock.advance(0);
  expect(listeners).not.toEqual([]);
  await clock.advance(1_000);
  expect([(await connected)?.status, (await polled)?.status]).toEqual([200, 204]);
  expect(listeners).toEqual([]);
});

it('a test server without a clock tells the time of the host', async () => {
  const { clock } = createTestServer().options;
  const [now, monotonic] = [clock?.now() ?? 0, clock?.monotonic() ?? Number.NaN];
  expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  expect(Math.abs(monotonic - performance.now())).toBeLessThan(60_000);
  let hasFired = false;
  clock?.clearTimeout(clock.setTimeout(() => (hasFired = true), 1) as never);
  await new Promise<void>((resolve) => clock?.setTimeout(resolve, 5));
  expect(hasFired).toBe(false);
});

it('a test server has as many messages as it is to keep, and a gap for who was further back', async () => {
  const clock = new FakeClock();
  const server = createTestServer({ clock, keep: 2 });
  const client = createClient({ ...server.options });
  clients.push(client);
  const first = server.publish('news', 1);
  for (const n of [2, 3, 4]) server.publish('news', n);
  const all = client.history('news', { after: first });
  const last = client.history('news', { last: 3 });
  await clock.advance(0);
  expect((await last).messages.map(({ data }) => data)).toEqual([3, 4]);
  expect(await all).toMatchObject({ gap: { reason: 'trimmed' }, messages: [{ data: 3 }, { data: 4 }] });
  server.trim('news', 0);
  const none = client.history('news');
  await clock.advance(0);
  expect((await none).messages).toEqual([]);
});

it('a test server that is down gives no node', async () => {
  const { clock, server, client } = world();
  server.isDown = true;
  const news = heard(client, 'news', { last: 1 });
  server.publish('news', 1);
  await clock.advance(10_000);
  expect(client.state).toMatchObject({ type: 'waiting', cause: 'network' });
  server.isDown = false;
  await clock.advance(20_000);
  expect(news).toEqual([1]);
});

it('a test server speaks the protocol on its sockets', async () => {
  const { clock, server } = world();
  const Socket = server.options.WebSocket as NonNullable<typeof server.options.WebSocket>;
  const socket = new Socket('ws://n1.test/v1/ws');
  const heard: { readonly type: string; readonly id?: number }[] = [];
  socket.onmessage = (({ data }: { data: string }) => heard.push(JSON.parse(data))) as never;
  await clock.advance(0);
  const commands = [
    { type: 'connect' },
    { type: 'ping' },
    { type: 'refresh', token: 't' },
    { type: 'publish', channel: 'news', data: 1, key: 'k' },
    { type: 'subscribe', channels: { news: '-1' } },
    { type: 'unsubscribe', channels: ['news'] },
    { type: 'dance' },
  ];
  for (const [index, command] of commands.entries()) socket.send(JSON.stringify({ ...command, id: index + 1 }));
  await clock.advance(0);
  const answers = heard.filter(({ id }) => id).map(({ type, id }) => `${id} ${type}`);
  expect(answers).toEqual([
    '1 connected',
    '2 pong',
    '3 refreshed',
    '4 published',
    '5 subscribed',
    '6 unsubscribed',
    '7 error',
  ]);
  expect(heard).toContainEqual(expect.objectContaining({ type: 'message', channel: 'news', data: 1 }));
  const beats = () => heard.filter(({ type }) => type === 'heartbeat').length;
  expect(beats()).toBe(0);
  await clock.advance(7_000);
  expect(beats()).toBe(1);
  await clock.advance(14_000);
  expect(beats()).toBe(3);
  socket.close();
  await clock.advance(0);
  expect(server.links).toBe(0);
});

it('a test server needs no clock: it answers when the present turn is over', async () => {
  const server = createTestServer();
  const client = createClient({ ...server.options });
  clients.push(client);
  const news = heard(client, 'news');
  await client.ready();
  await client.history('news');
  server.publish('news', 1);
  await client.history('news');
  expect(news).toEqual([1]);
  expect(() => server.publish('news', undefined)).toThrow(/^bad data/);
});

it.each([
  [() => createTestServer({ keeps: 5 } as never), 'bad option: "keeps" is not clock,random,latencyMs,keep,user'],
  [() => createTestServer({ keep: '5' } as never), 'bad keep: "5" is not an integer from 0 to 1000000'],
  [() => createTestServer({ latencyMs: -1 }), 'bad latencyMs: -1 is not an integer from 0 to 3600000'],
  [() => createTestServer({ clock: {} } as never), 'bad clock: object is not a clock'],
  [() => createTestServer({ user: 5 } as never), 'bad user: 5 is not the name of a user, or null'],
  [() => createTestServer(5 as never), 'bad options: 5 is not an object'],
  [() => createTestServer().publish('a b', 1), 'bad channel: "a b" is not a name: up to 200 of A-Za-z0-9_.:@=+~-'],
  [
    () => createTestServer().tell(undefined as never, 1),
    'bad channel: undefined is not a name: up to 200 of A-Za-z0-9_.:@=+~-',
  ],
  [() => createTestServer().forbid(''), 'bad channel: "" is not a name: up to 200 of A-Za-z0-9_.:@=+~-'],
  [() => createTestServer().publish('news', undefined), 'bad data: undefined is not a JSON value'],
  [
    () => createTestServer().tell('news', 1n),
    'bad data: 1 is not a JSON value: TypeError: Do not know how to serialize a BigInt',
  ],
  [() => createTestServer().trim('news', -1), 'bad keep: -1 is not an integer from 0 to 1000000'],
  [() => createTestServer().end(5, 'draining'), 'bad code: 5 is not an integer from 1000 to 4999'],
  [() => createTestServer().end(4000, 5 as never), 'bad reason: 5 is not a text'],
  [
    () => createTestServer().allow('pigeon' as never),
    'bad transport: "pigeon" is not one of websocket, sse, long-poll, short-poll',
  ],
])('the test server refuses what cannot be: %#', (call, message) => {
  expect(call).toThrow(new TypeError(message));
});
