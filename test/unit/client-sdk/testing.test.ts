// The server in memory that applications test with: that it keeps the promises of a real one, and what a test may do with it.

import { afterEach, describe, expect, it } from 'vitest';
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
