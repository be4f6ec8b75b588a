// Where a subscription is that is iterated: behind what the loop has, not behind what waits for it.

import { expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
import { FakeClock } from './fakes/fake-clock.js';

function published(count: number) {
  const clock = new FakeClock();
  const server = createTestServer({ clock });
  const client = createClient({ ...server.options });
  const offsets = Array.from({ length: count }, (_, n) => server.publish('jobs', n + 1));
  return { clock, server, client, offsets };
}

it('who leaves a loop goes on from its offset with what waited', async () => {
  const { clock, client, offsets } = published(5);
  const done: unknown[] = [];
  let after = '-1';
  const first = client.subscribe('jobs', { after });
  await clock.advance(0);
  for await (const { data } of first) {
    done.push(data);
    after = first.offset;
    if (data === 2) break;
  }
  expect(after).toBe(offsets[1]);
  const second = client.subscribe('jobs', { after });
  await clock.advance(0);
  for await (const { data } of second) {
    done.push(data);
    expect(second.offset).toBe(offsets[(data as number) - 1]);
    if (data === 5) break;
  }
  client.close();
  expect(done).toEqual([1, 2, 3, 4, 5]);
});

it('a subscription that nobody reads yet is where it began', async () => {
  const { clock, client, offsets, server } = published(2);
  const subscription = client.subscribe('jobs', { after: offsets[0] as string });
  await clock.advance(0);
  expect(subscription.offset).toBe(offsets[0]);
  subscription.on('message', () => {});
  expect(subscription.offset).toBe(offsets[1]);
  const next = server.publish('jobs', 3);
  await clock.advance(0);
  expect(subscription.offset).toBe(next);
  client.close();
});
