// The server in memory that applications test with, and several clients: each is told from the others, as by a real one.

import { expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import type { Transport } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];

/** Two clients, and what each is told of who has published what. */
async function talk(transport: Transport, user: string | null, said: readonly unknown[]) {
  const clock = new FakeClock();
  const server = createTestServer({ clock, user });
  const heard: unknown[][] = [];
  const clients = [0, 1].map(() => createClient({ ...server.options, transports: [transport] }));
  for (const client of clients) {
    const mine: unknown[] = [];
    heard.push(mine);
    client.subscribe('chat', {}, ({ data, isOwn }) => mine.push([data, isOwn]));
  }
  await clock.advance(2_000);
  const ids = clients.map(({ connection }) => connection?.id);
  for (const [n, client] of clients.entries()) {
    const published = client.publish('chat', said[n], { key: 'k' });
    await clock.advance(2_000);
    await published;
  }
  await clock.advance(2_000);
  for (const client of clients) client.close();
  return { ids, heard };
}

it.each(TRANSPORTS)('each knows its own messages, over %s', async (transport) => {
  const { ids, heard } = await talk(transport, null, [0, 1]);
  expect(ids).toEqual(['c-test', 'c-test1']);
  const [first, second] = heard;
  expect(first).toEqual([
    [0, true],
    [1, false],
  ]);
  expect(second).toEqual([
    [0, false],
    [1, true],
  ]);
});

it('each of their publishes is one, whatever numbers the client is given', async () => {
  const clock = new FakeClock();
  const server = createTestServer({ clock, user: 'anna' });
  const clients = [0, 1].map(() => createClient({ ...server.options }));
  for (const client of clients) for (const data of ['hello', 'bye']) client.publish('chat', data).catch(() => {});
  await clock.advance(1_000);
  for (const client of clients) client.close();
  expect(server.published.map(({ data }) => data).sort()).toEqual(['bye', 'bye', 'hello', 'hello']);
});

it.each(TRANSPORTS)('a key with other data, and too much data, are refused, over %s', async (transport) => {
  const clock = new FakeClock();
  const server = createTestServer({ clock, user: 'anna' });
  const client = createClient({ ...server.options, transports: [transport] });
  client.subscribe('chat');
  await clock.advance(2_000);
  const codes: unknown[] = [];
  for (const [data, key] of [
    ['hello', 'k'],
    ['hello', 'k'],
    ['another', 'k'],
    ['x'.repeat(65_600), 'large'],
  ] as const) {
    const settled = client.publish('chat', data, { key }).then(
      () => 'stored',
      ({ code }) => code,
    );
    await clock.advance(1_000);
    codes.push(await settled);
  }
  client.close();
  expect(codes).toEqual(['stored', 'stored', 'idempotency_conflict', 'payload_too_large']);
  expect(server.published).toHaveLength(1);
});

it.each(TRANSPORTS)('those of one user have their keys in common, over %s', async (transport) => {
  const { heard } = await talk(transport, 'anna', [0, 0]);
  expect(heard).toEqual([[[0, true]], [[0, false]]]);
});

it.each(TRANSPORTS)('each goes on as who it was when its links were lost, over %s', async (transport) => {
  const clock = new FakeClock();
  const server = createTestServer({ clock });
  const client = createClient({ ...server.options, transports: [transport] });
  const own: boolean[] = [];
  client.subscribe('chat', {}, ({ isOwn }) => own.push(isOwn));
  for (let n = 0; n < 2; n++) {
    await clock.advance(2_000);
    const published = client.publish('chat', n, { key: `${n}` });
    await clock.advance(2_000);
    await published;
    server.cut();
  }
  await clock.advance(30_000);
  client.close();
  expect(own).toEqual([true, true]);
});
