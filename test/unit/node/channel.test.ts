// A channel at a node: it delivers the log's order without a hole, whatever the bus does to it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Broker, BrokerListener, BrokerMessage } from '../../../src/broker/broker.js';
import { createMemoryBroker } from '../../../src/broker/memory/broker.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { LoopTurn } from '../../../src/lib/loop-turn.js';
import { Retrier } from '../../../src/lib/retrier.js';
import { Audience } from '../../../src/node/channels/audience.js';
import { Channel } from '../../../src/node/channels/channel.js';
import { noGaps } from '../../../src/node/channels/channel-counters.js';
import { JSON_FRAMES } from '../../../src/node/channels/encoding.js';
import { HistoryMemory } from '../../../src/node/channels/history-memory.js';
import { createLogReads } from '../../../src/node/channels/log-reads.js';
import { formatOffset, parseOffset } from '../../../src/protocol/index.js';

const socket = { subscribe: () => undefined, unsubscribe: () => undefined };

interface Bench {
  readonly broker: Broker;
  readonly channel: Channel;
  /** What WebSockets received, parsed. */
  readonly frames: { type: string; offset: string; data?: unknown; after?: string; reason?: string }[];
  /** What the bus brought and the channel has not seen yet. */
  readonly bus: BrokerMessage[];
  readonly counters: { duplicates: number; repairs: number; 'gaps.trimmed': number };
  readonly age: { oldest: string };
}

/**
 * A channel whose bus only collects: each test decides what reaches the channel, and in which order. It `keeps` what passes, as
 * where several read.
 */
async function open(historySize = 1_000, memory = new HistoryMemory(1_000_000), keeps = true): Promise<Bench> {
  const broker = createMemoryBroker({ namespaces: new Namespaces({ default: { historySize } }) });
  const bus: BrokerMessage[] = [];
  const listener: BrokerListener = {
    message: (_name, message) => bus.push(message),
    resubscribed: () => undefined,
    damaged: () => undefined,
  };
  await broker.start(listener);
  const frames: Bench['frames'] = [];
  const counters = {
    ...{ messages: 0, duplicates: 0, repairs: 0, repaired: 0 },
    ...{ deliveredSockets: 0, deliveredStreams: 0, ...noGaps() },
  };
  const traffic = { deliveredAtMs: Number.NEGATIVE_INFINITY };
  const audience = new Audience('news', {
    turn: new LoopTurn(),
    publish: (_topic, frame) => frames.push(JSON.parse(frame.toString())),
    counters,
    failed: (error) => {
      throw error;
    },
  });
  audience.addSocket(socket, JSON_FRAMES);
  const retrier = new Retrier({ firstPauseMs: 1, longestPauseMs: 5, onFailure: () => undefined });
  const ringLimits = { maxMessages: 256, maxBytes: 1_000_000, memory };
  const age = { oldest: formatOffset(0, 0) };
  const channel = new Channel('news', audience, {
    broker,
    logger: silentLogger,
    retrier,
    ringLimits,
    age,
    counters,
    traffic,
    ...createLogReads(broker),
  });
  if (keeps) channel.memory.keep();
  expect(await channel.ready).toBe(true);
  return { broker, channel, frames, bus, counters, age };
}

async function publish(bench: Bench, count: number, first = 1): Promise<string[]> {
  const offsets: string[] = [];
  for (let n = 0; n < count; n++) {
    offsets.push(await bench.broker.publish({ channel: 'news', data: String(first + n) }));
  }
  return offsets;
}

describe('channel', () => {
  it('delivers what follows from its position and drops what it has delivered', async () => {
    const bench = await open();
    const offsets = await publish(bench, 3);
    for (const message of [...bench.bus, ...bench.bus]) bench.channel.receive(message, 1);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
    expect(bench.channel.position).toBe(offsets[2]);
    expect(bench.counters).toMatchObject({ duplicates: 3, repairs: 0 });
  });

  it('reads the log when the bus lost a message, and delivers it first', async () => {
    const bench = await open();
    const offsets = await publish(bench, 5);
    bench.channel.receive(bench.bus[0] as BrokerMessage, 1);
    bench.channel.receive(bench.bus[3] as BrokerMessage, 1);
    expect(await bench.channel.ready).toBe(true);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
    expect(bench.frames.map((frame) => frame.data)).toEqual([1, 2, 3, 4, 5]);
  });

  it('tells a gap before anything newer when the log no longer has what was missed', async () => {
    const bench = await open(3);
    const [first] = await publish(bench, 1);
    bench.channel.receive(bench.bus[0] as BrokerMessage, 1);
    const later = await publish(bench, 8, 2);
    bench.channel.receive(bench.bus.at(-1) as BrokerMessage, 1);
    await bench.channel.ready;
    expect(bench.frames[1]).toMatchObject({ type: 'gap', after: first, offset: later[4], reason: 'trimmed' });
    expect(bench.frames.slice(2).map((frame) => frame.data)).toEqual([7, 8, 9]);
    expect(bench.counters['gaps.trimmed']).toBe(1);
  });

  it('takes over what a reader has read ahead of the bus', async () => {
    const bench = await open();
    const offsets = await publish(bench, 3);
    const page = await bench.broker.read('news', bench.channel.position, { maxEntries: 100, maxBytes: 1_000_000 });
    await bench.channel.meet(page);
    for (const message of bench.bus) bench.channel.receive(message, 1);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
    expect(bench.counters).toMatchObject({ duplicates: 3, repairs: 0 });
  });

  it('sends live-only messages without an offset and without moving', async () => {
    const bench = await open();
    const before = bench.channel.position;
    bench.channel.receive({ offset: undefined, previous: undefined, data: Buffer.from('{"a":1}'), from: undefined }, 1);
    expect(bench.frames).toEqual([{ type: 'message', channel: 'news', data: { a: 1 } }]);
    expect(bench.channel.position).toBe(before);
  });

  it('delivers the log exactly once and in order, however the bus drops, repeats and swaps', async () => {
    const fault = fc.array(fc.integer({ min: 0, max: 29 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fault, fc.boolean(), async (order, keeps) => {
        const bench = await open(1_000, new HistoryMemory(1_000_000), keeps);
        const offsets = await publish(bench, 30);
        for (const index of order) bench.channel.receive(bench.bus[index] as BrokerMessage, 1);
        await bench.channel.repair();
        expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
      }),
      { numRuns: 60 },
    );
  });

  it('is live again after one read although the bus brings more while the log is read', async () => {
    const bench = await open();
    const offsets = await publish(bench, 5);
    const { read } = bench.broker;
    let reads = 0;
    bench.broker.read = async (...args) => {
      const page = await read.apply(bench.broker, args);
      if (++reads > 20) return page;
      // The bus is a little ahead of the answer, as it is under a flood.
      offsets.push(...(await publish(bench, 3)));
      for (const message of bench.bus.slice(-5)) bench.channel.receive(message, 1);
      return page;
    };
    bench.channel.receive(bench.bus[4] as BrokerMessage, 1);
    expect(await bench.channel.ready).toBe(true);
    expect(reads).toBe(1);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
  });

  it('reads again when the bus has a hole while the log is read', async () => {
    const bench = await open();
    const offsets = await publish(bench, 5);
    const { read } = bench.broker;
    let reads = 0;
    bench.broker.read = async (...args) => {
      const page = await read.apply(bench.broker, args);
      if (++reads > 1) return page;
      offsets.push(...(await publish(bench, 3)));
      bench.channel.receive(bench.bus.at(-1) as BrokerMessage, 1);
      return page;
    };
    bench.channel.receive(bench.bus[4] as BrokerMessage, 1);
    expect(await bench.channel.ready).toBe(true);
    expect(reads).toBe(2);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
  });

  it('keeps what is new when the bus repeats something old after it while the log is read', async () => {
    const bench = await open();
    const offsets = await publish(bench, 5);
    const { read } = bench.broker;
    let reads = 0;
    bench.broker.read = async (...args) => {
      const page = await read.apply(bench.broker, args);
      if (++reads > 1) return page;
      offsets.push(...(await publish(bench, 1)));
      for (const index of [5, 2]) bench.channel.receive(bench.bus[index] as BrokerMessage, 1);
      return page;
    };
    bench.channel.receive(bench.bus[4] as BrokerMessage, 1);
    expect(await bench.channel.ready).toBe(true);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
  });

  it('reads again when the bus brings more than may wait while the log is read', async () => {
    const bench = await open(2_000);
    const offsets = await publish(bench, 5);
    const { read } = bench.broker;
    let reads = 0;
    bench.broker.read = async (...args) => {
      const page = await read.apply(bench.broker, args);
      if (++reads > 1) return page;
      offsets.push(...(await publish(bench, 1_000)));
      for (const message of bench.bus.slice(5)) bench.channel.receive(message, 1);
      return page;
    };
    bench.channel.receive(bench.bus[4] as BrokerMessage, 1);
    expect(await bench.channel.ready).toBe(true);
    expect(reads).toBeGreaterThan(1);
    expect(bench.frames.map((frame) => frame.offset)).toEqual(offsets);
  });

  it('hands out nothing from memory that is older than history may be, and what is newer as before', async () => {
    const bench = await open();
    const before = bench.channel.position;
    const [first = '', second = '', third = ''] = await publish(bench, 3);
    for (const message of bench.bus) bench.channel.receive(message, 1);
    const dataAfter = (position: string) => bench.channel.after(position, 10, 1_000_000)?.map(({ offset }) => offset);
    expect(dataAfter(before)).toEqual([first, second, third]);
    // The first one has aged away: only the log can tell what lies before it.
    const { ms, seq } = parseOffset(first);
    bench.age.oldest = formatOffset(ms, seq + 1);
    expect(bench.channel.holds(before)).toBe(false);
    expect(dataAfter(before)).toBeUndefined();
    expect(dataAfter(first)).toEqual([second, third]);
    // All have: whoever is at the tail still is.
    bench.age.oldest = formatOffset(parseOffset(third).ms + 1, 0);
    expect(dataAfter(second)).toBeUndefined();
    expect(bench.channel.holds(third)).toBe(true);
    const [fourth] = await publish(bench, 1, 4);
    bench.channel.receive(bench.bus.at(-1) as BrokerMessage, 1);
    expect(bench.frames.at(-1)).toMatchObject({ offset: fourth, data: 4 });
  });

  it('gives back its memory when it is closed', async () => {
    const memory = new HistoryMemory(1_000_000);
    const bench = await open(1_000, memory);
    await publish(bench, 3);
    for (const message of bench.bus) bench.channel.receive(message, 1);
    expect(memory.bytes).toBeGreaterThan(0);
    bench.channel.close();
    expect(memory.bytes).toBe(0);
  });

  it('keeps nothing in memory while nobody may ask for what has passed', async () => {
    const memory = new HistoryMemory(1_000_000);
    const bench = await open(1_000, memory, false);
    const [first = '', second = ''] = await publish(bench, 2);
    for (const message of bench.bus) bench.channel.receive(message, 1);
    expect(bench.frames.map(({ data }) => data)).toEqual([1, 2]);
    expect([memory.bytes, bench.channel.holds(first), bench.channel.holds(second)]).toEqual([0, false, true]);
  });

  it('keeps what passes while a follower reads the log, and nothing afterwards', async () => {
    const memory = new HistoryMemory(1_000_000);
    const bench = await open(1_000, memory, false);
    const from = bench.channel.position;
    bench.channel.memory.followed();
    const offsets = await publish(bench, 3);
    for (const message of bench.bus) bench.channel.receive(message, 1);
    expect(bench.channel.after(from, 10, 1_000)?.map(({ offset }) => offset)).toEqual(offsets);
    bench.channel.memory.caughtUp();
    expect([memory.bytes, bench.channel.holds(from)]).toEqual([0, false]);
  });

  it('ends without delivering once it is closed', async () => {
    const bench = await open();
    await publish(bench, 1);
    bench.channel.close();
    bench.channel.receive(bench.bus[0] as BrokerMessage, 1);
    expect(bench.frames).toEqual([]);
  });
});
