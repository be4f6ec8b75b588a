// Several messages by one publish, of which a limit refuses some: each channel's are stored in their order, or not.

import { expect, it } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/memory/broker.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { FanfareError } from '../../../src/lib/errors.js';
import type { PublishLimits } from '../../../src/node/clients/publish-limits.js';
import { Publisher } from '../../../src/node/clients/publisher.js';

it('stores nothing behind what its channel’s limit refused, though it would let that pass again', async () => {
  const namespaces = new Namespaces();
  const broker = createMemoryBroker({ namespaces });
  await broker.start({ message: () => {}, resubscribed: () => {}, damaged: () => {} });
  let asked = 0;
  const spend = (_keys: unknown, channel: string) => {
    if (channel === 'a' && ++asked === 2) throw new FanfareError('rate_limited', 'over it', { retryAfterMs: 1 });
  };
  const limits = { spend } as unknown as PublishLimits;
  const publisher = new Publisher({ broker, namespaces, limits, maxMessageBytes: 1_000, waitReplicas: 0 });
  const key = { key: 'k', name: undefined, patterns: ['*'], rights: ['publish'] } as const;
  const orders = ['a', 'a', 'b', 'a', 'a', 'b'].map((channel, n) => ({ channel, json: String(n) }));
  const answers = await publisher.allForBackend(key as never, [...orders, { channel: 'a', json: '6', history: false }]);
  expect(answers.map((answer) => ('error' in answer ? answer.error.code : 'stored'))).toEqual([
    ...['stored', 'rate_limited', 'stored', 'rate_limited', 'rate_limited', 'stored', 'stored'],
  ]);
  const { entries } = await broker.read('a', '-1', { maxEntries: 10, maxBytes: 1_000 });
  expect(entries.map(({ data }) => String(data))).toEqual(['0']);
  expect(asked).toBe(3);
  await broker.close();
});
