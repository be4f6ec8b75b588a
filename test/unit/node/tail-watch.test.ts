// The background comparison of tails finds what pub/sub lost.

import { expect, it } from 'vitest';
import type { Broker, BrokerListener } from '../../../src/broker/broker.js';
import { createMemoryBroker } from '../../../src/broker/memory/broker.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { JSON_FRAMES } from '../../../src/node/channels/encoding.js';
import { TailWatch } from '../../../src/node/channels/tail-watch.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';

const socket = { subscribe: () => undefined, unsubscribe: () => undefined };

/** A node's channels on a bus that loses everything while `deaf`. */
async function deafChannels() {
  const broker: Broker = createMemoryBroker({ namespaces: new Namespaces() });
  const frames: string[] = [];
  const channels = new Channels({
    broker,
    namespaces: new Namespaces(),
    logger: silentLogger,
    publish: (_topic, frame) => frames.push(frame.toString()),
    maxChannels: 10_000,
  });
  const listener: BrokerListener = {
    message: () => undefined,
    resubscribed: () => undefined,
    damaged: () => undefined,
  };
  await broker.start(listener);
  return { broker, channels, frames };
}

it('reads the log of a quiet channel whose last message never came', async () => {
  const { broker, channels, frames } = await deafChannels();
  const channel = channels.acquire('news');
  channel.audience.addSocket(socket, JSON_FRAMES);
  await channel.ready;
  const watch = new TailWatch(broker, () => [channel]);
  await watch.round(performance.now());
  expect(watch.found).toBe(0);
  const offset = await broker.publish({ channel: 'news', data: '"lost"' });
  await watch.round(performance.now());
  await channel.ready;
  expect(watch.found).toBe(1);
  expect(channel.position).toBe(offset);
  expect(frames).toHaveLength(1);
  channels.close();
});

it('leaves a channel alone that has just delivered', async () => {
  const { broker, channels } = await deafChannels();
  const channel = channels.acquire('news');
  await channel.ready;
  await broker.publish({ channel: 'news', data: '1' });
  const watch = new TailWatch(broker, () => [channel]);
  channel.loggedAtMs = performance.now();
  await watch.round(performance.now());
  expect(watch.found).toBe(0);
  channels.close();
});

/** A node's channels on a bus that the test holds; no comparison runs but those after a resubscription. */
async function faultyChannels() {
  const broker = createFaultyBroker();
  const channels = new Channels({
    broker,
    namespaces: new Namespaces(),
    logger: silentLogger,
    publish: () => undefined,
    maxChannels: 10_000,
  });
  await broker.start(channels);
  /** `count` channels that are live. */
  const open = async (name: string, count: number) => {
    const opened = Array.from({ length: count }, (_, n) => channels.acquire(`${name}:${n}`));
    await Promise.all(opened.map(({ ready }) => ready));
    return opened;
  };
  return { broker, channels, open };
}

it('asks for the tail of a channel that live-only messages keep busy', async () => {
  const { broker, channels } = await faultyChannels();
  const channel = channels.acquire('news');
  await channel.ready;
  const asked: string[] = [];
  broker.tails = (names) => {
    asked.push(...names);
    return broker.healthy.tails(names);
  };
  channel.receive(
    { offset: undefined, previous: undefined, data: Buffer.from('1'), from: undefined },
    performance.now(),
  );
  await new TailWatch(broker, () => [channel]).round(performance.now());
  expect(asked).toEqual(['news']);
  channels.close();
});

it('counts a channel once for all the rounds in which it stays behind, and again when it falls behind again', async () => {
  const { broker, channels } = await faultyChannels();
  const channel = channels.acquire('news');
  await channel.ready;
  const deliver = broker.bus;
  const watch = new TailWatch(broker, () => [channel]);
  const fallBehind = async () => {
    broker.bus = () => undefined;
    await broker.healthy.publish({ channel: 'news', data: '1' });
    broker.bus = deliver;
    channel.loggedAtMs = Number.NEGATIVE_INFINITY;
  };
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  broker.beforeRead = () => held;
  await fallBehind();
  for (let round = 0; round < 3; round++) await watch.round(performance.now());
  expect(watch.found).toBe(1);
  release();
  await channel.ready;
  channel.loggedAtMs = Number.NEGATIVE_INFINITY;
  await watch.round(performance.now());
  await fallBehind();
  await watch.round(performance.now());
  expect(watch.found).toBe(2);
  channels.close();
});

it('leaves a channel alone whose part of the broker is away, and compares the others', async () => {
  const { broker, channels } = await faultyChannels();
  const [away, behind] = ['away', 'behind'].map((name) => channels.acquire(name));
  if (away === undefined || behind === undefined) throw new Error('two channels');
  await Promise.all([away.ready, behind.ready]);
  broker.bus = () => undefined;
  for (const channel of ['away', 'behind']) await broker.healthy.publish({ channel, data: '1' });
  broker.tails = async (names) => {
    const tails = await broker.healthy.tails(names);
    return tails.map((tail, index) => (names[index] === 'away' ? null : tail));
  };
  const watch = new TailWatch(broker, () => [away, behind]);
  await watch.round(performance.now());
  await behind.ready;
  expect(watch.found).toBe(1);
  expect(channels.counters).toMatchObject({ repairs: 1, repaired: 1 });
  channels.close();
});

it.each(['opening', 'repairing'])('misses nothing when the bus comes back while a channel is %s', async (state) => {
  const { broker, channels } = await faultyChannels();
  const channel = channels.acquire('news');
  if (state === 'repairing') {
    await channel.ready;
    broker.bus = () => undefined;
    await broker.healthy.publish({ channel: 'news', data: '0' });
  }
  let last = '';
  broker.afterRead = async () => {
    broker.afterRead = () => undefined;
    // Read already, and lost by the bus, which then stands again.
    broker.bus = () => undefined;
    last = await broker.healthy.publish({ channel: 'news', data: '1' });
    broker.resubscribed(['news']);
  };
  if (state === 'repairing') void channel.repair();
  await channel.ready;
  await new Promise((resolve) => setImmediate(resolve));
  await channel.ready;
  expect(channel.position).toBe(last);
  channels.close();
});

it('compares at once, when commands come back, what could not be compared when the bus did', async () => {
  const { broker, channels, open } = await faultyChannels();
  const all = await open('room', 1_200);
  for (const channel of all) channel.loggedAtMs = Number.NEGATIVE_INFINITY;
  const asked: string[][] = [];
  let isAway = true;
  broker.tails = (names) => {
    asked.push([...names]);
    return isAway ? Promise.reject(new Error('away')) : broker.healthy.tails(names);
  };
  // Its walk through all others has just begun.
  const others = Array.from({ length: 10_000 }, () => all[0]).filter((channel) => channel !== undefined);
  const watch = new TailWatch(broker, () => others);
  await watch.compareNow(all);
  all[7]?.close();
  await watch.round(performance.now());
  expect(asked.splice(0).every((names) => names.length <= 2_000)).toBe(true);
  isAway = false;
  await watch.round(performance.now());
  // The walk's next channels are asked about beside them.
  const owed = asked.splice(0).filter((names) => new Set(names).size > 1);
  expect(new Set(owed.flat())).toEqual(new Set(all.filter(({ isOpen }) => isOpen).map(({ name }) => name)));
  await watch.round(performance.now());
  expect(asked.flat().every((name) => name === 'room:0')).toBe(true);
  channels.close();
});

it('owes a comparison while a part of the broker is away, once more where the bus comes back meanwhile', async () => {
  const { broker, channels } = await faultyChannels();
  const [away, other] = ['away', 'other'].map((name) => channels.acquire(name));
  if (away === undefined || other === undefined) throw new Error('two channels');
  await Promise.all([away.ready, other.ready]);
  const asked: string[][] = [];
  let release = () => {};
  let held: Promise<void> | undefined = new Promise((resolve) => {
    release = resolve;
  });
  let isAway = true;
  broker.tails = async (names) => {
    asked.push([...names]);
    await held;
    const tails = await broker.healthy.tails(names);
    return tails.map((tail, index) => (isAway && names[index] === 'away' ? null : tail));
  };
  const watch = new TailWatch(broker, () => []);
  const first = watch.compareNow([away, other]);
  void watch.compareNow([other]);
  release();
  held = undefined;
  await first;
  expect(asked.splice(0)).toEqual([['away', 'other'], ['other']]);
  await watch.round(performance.now());
  isAway = false;
  await watch.round(performance.now());
  await watch.round(performance.now());
  expect(asked).toEqual([['away'], ['away']]);
  channels.close();
});

it('lets no channel wait for those of a part of the broker that is away', async () => {
  const { broker, channels, open } = await faultyChannels();
  const away = await open('away', 2_000);
  const healthy = await open('healthy', 10);
  for (const channel of [...away, ...healthy]) channel.loggedAtMs = Number.NEGATIVE_INFINITY;
  const asked = new Set<string>();
  // As on a Cluster; its answer is late, too.
  broker.tails = (names) => {
    for (const name of names) asked.add(name);
    if (names.some((name) => name.startsWith('away'))) return new Promise(() => {});
    return broker.healthy.tails(names);
  };
  const watch = new TailWatch(broker, () => healthy.slice(5));
  void watch.compareNow(away);
  await watch.compareNow(healthy.slice(0, 5));
  expect([...asked].filter((name) => name.startsWith('healthy'))).toHaveLength(5);
  void watch.round(performance.now());
  await new Promise((resolve) => setImmediate(resolve));
  expect([...asked].filter((name) => name.startsWith('healthy'))).toHaveLength(10);
  channels.close();
});

it('tries those that failed first last, so that each has its turn', async () => {
  const { broker, channels, open } = await faultyChannels();
  const all = await open('room', 1_500);
  const first: (string | undefined)[] = [];
  broker.tails = (names) => {
    first.push(names[0]);
    return Promise.reject(new Error('away'));
  };
  const watch = new TailWatch(broker, () => []);
  await watch.compareNow(all);
  for (let round = 0; round < 3; round++) await watch.round(performance.now());
  expect(first).toEqual(['room:0', 'room:500', 'room:1000', 'room:0']);
  channels.close();
});
