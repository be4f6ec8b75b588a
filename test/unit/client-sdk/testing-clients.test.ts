// The server in memory that applications test with, and several clients: each is told from the others, as by a real one.

import { expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import type { Transport } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];

/** Two clients, and what each is told of who has published what. */
async function talk(transport: Transport, user: string | null, key: string) {
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
    const published = client.publish('chat', n, { key });
    await clock.advance(2_000);
    await published;
  }
  await clock.advance(2_000);
  for (const client of clients) client.close();
  return { ids, heard };
}

it.each(TRANSPORTS)('each knows its own messages, over %s', async (transport) => {
  const { ids, heard } = await talk(transport, null, 'k');
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

it.each(TRANSPORTS)('those of one user have their keys in common, over %s', async (transport) => {
  const { heard } = await talk(transport, 'anna', 'k');
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
