// How long a connection to Redis waits before it is made anew.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createShardClient, createSubscriberClient } from '../../../src/broker/redis/clients.js';

let nowMs = 0;
beforeEach(() => {
  nowMs = 1_000_000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => vi.restoreAllMocks());

it.each([
  ['subscriber', () => createSubscriberClient('redis://127.0.0.1:1', 'fanfare')],
  ['shard', () => createShardClient('redis+cluster://127.0.0.1:1', 'fanfare', { host: '127.0.0.1', port: 1 })],
])('that of a %s waits longer each time, also where it stood each time', (_, create) => {
  const { retryStrategy } = create().options;
  expect([1, 2, 3, 4, 5, 6, 7].map((attempt) => retryStrategy?.(attempt))).toEqual([
    120, 220, 420, 820, 1_620, 2_020, 2_020,
  ]);
  nowMs += 10_001;
  // ioredis counts from one again once it has stood.
  const pauseMs = () => retryStrategy?.(1);
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(pauseMs)).toEqual([120, 120, 120, 120, 120, 220, 420, 820]);
  nowMs += 10_000;
  expect(pauseMs()).toBe(1_620);
  nowMs += 10_001;
  expect(pauseMs()).toBe(120);
});
