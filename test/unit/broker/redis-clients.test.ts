// How long a connection to Redis waits before it is made anew.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCommandClient, createShardClient, createSubscriberClient } from '../../../src/broker/redis/clients.js';

let nowMs = 0;
beforeEach(() => {
  nowMs = 1_000_000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => vi.restoreAllMocks());

it('those for commands wait for no answer longer than RELIABILITY says, queue nothing, and send nothing again', () => {
  const client = createCommandClient('redis://127.0.0.1:1', 'fanfare');
  expect((client as { options: object }).options).toMatchObject({
    ...{ commandTimeout: 2_000, socketTimeout: 5_000, connectTimeout: 5_000 },
    ...{ enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
  });
});

it.each([
  ['subscriber', () => createSubscriberClient('redis://127.0.0.1:1', 'fanfare')],
  ['shard', () => createShardClient('redis+cluster://127.0.0.1:1', 'fanfare', { host: '127.0.0.1', port: 1 })],
])('that of a %s waits longer each time, also where it stood for a moment each time', (_, create) => {
  const client = create();
  const pauseMs = (attempt: number) => client.options.retryStrategy?.(attempt);
  const growing = [120, 220, 420, 820, 1_620, 2_020, 2_020];
  expect([1, 2, 3, 4, 5, 6, 7].map(pauseMs)).toEqual(growing);
  const pauseAfter = (stoodMs: number) => {
    client.emit('ready');
    nowMs += stoodMs;
    // ioredis counts from one again once it has stood.
    return pauseMs(1);
  };
  expect([0, 2_000, 0, 0, 0, 0, 0].map(pauseAfter)).toEqual([120, 120, 120, 120, 220, 420, 820]);
  expect(pauseMs(5)).toBe(1_620);
  expect(pauseAfter(2_001)).toBe(120);
});
