// How old the messages in memory are is judged by the broker's clock, wherever this machine's stands.

import { expect, it, onTestFinished, vi } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/memory/broker.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { steadyUnixMs } from '../../../src/lib/clocks.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Channels } from '../../../src/node/channels/channels.js';

const TTL_MS = 2_000;

/** A node whose broker's clock is ahead of its own by what `aheadMs` says. */
async function open(aheadMs: () => number) {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const brokerNowMs = () => steadyUnixMs() + aheadMs();
  const namespaces = new Namespaces({ default: { historySize: 1_000, historyTtlMs: TTL_MS } });
  const broker = createMemoryBroker({ namespaces, clock: brokerNowMs });
  const parts = { broker, namespaces, logger: silentLogger, publish: () => undefined, maxChannels: 10, brokerNowMs };
  const channels = new Channels(parts);
  onTestFinished(() => channels.close());
  await broker.start(channels);
  channels.start();
  // A second reader: what comes is kept.
  channels.acquire('news');
  const channel = channels.acquire('news');
  await channel.ready;
  const first = await broker.publish({ channel: 'news', data: '1' });
  await broker.publish({ channel: 'news', data: '2' });
  return { channel, first };
}

it.each([
  ['an hour ahead', 3_600_000],
  ['right', 0],
  ['an hour behind', -3_600_000],
])('hands out what is young, and nothing that is too old, by a clock that is %s of the node', async (_, aheadMs) => {
  const { channel, first } = await open(() => aheadMs);
  await vi.advanceTimersByTimeAsync(TTL_MS / 2);
  expect(channel.memory.isFresh(first)).toBe(true);
  expect(channel.memory.holds(first)).toBe(true);
  await vi.advanceTimersByTimeAsync(2 * TTL_MS);
  expect(channel.memory.isFresh(first)).toBe(false);
  expect(channel.memory.holds(first)).toBe(false);
});

it('learns of a clock that it did not know yet when its channels opened', async () => {
  let aheadMs = -3_600_000;
  const { channel, first } = await open(() => aheadMs);
  expect(channel.memory.holds(first)).toBe(true);
  aheadMs = 0;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(channel.memory.isFresh(first)).toBe(false);
});
