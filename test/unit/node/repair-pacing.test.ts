// Thousands of channels that must read their logs at once: a few at a time, the busiest first, and nobody else waits.

import { expect, it, onTestFinished, vi } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Turns } from '../../../src/lib/turns.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { JSON_FRAMES } from '../../../src/node/channels/encoding.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';

const socket = { subscribe: () => undefined, unsubscribe: () => undefined };

const MANY = 5_000;
const MAX_IN_FLIGHT = 64;
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** Many open channels, each of which has just missed a message; reads wait at a gate. */
async function nodeThatMissedMuch() {
  // No read's patience ends, however busy the machine is: how many are in flight is all that is asked.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const broker = createFaultyBroker();
  const frames: string[] = [];
  const channels = new Channels({
    broker,
    namespaces: new Namespaces(),
    logger: silentLogger,
    publish: (_topic, frame) => frames.push(String(frame)),
    maxChannels: 10_000,
  });
  await broker.start(channels);
  const names = Array.from({ length: MANY }, (_, n) => `c${n}`);
  const opened = names.map((name) => channels.acquire(name));
  await Promise.all(opened.map((channel) => channel.ready));
  for (const channel of opened) channel.audience.addSocket(socket, JSON_FRAMES);
  const deliver = broker.bus;
  broker.bus = () => undefined;
  for (const channel of names) await broker.healthy.publish({ channel, data: '1' });
  await soon();
  broker.bus = deliver;

  const gate = { open: () => {}, inFlight: 0, most: 0, order: [] as string[] };
  const opening = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  broker.beforeRead = async (name) => {
    gate.order.push(name);
    gate.most = Math.max(gate.most, ++gate.inFlight);
    if (name !== 'another') await opening;
  };
  broker.afterRead = async () => void gate.inFlight--;
  return { broker, channels, frames, names, opened, gate };
}

it('brings thousands of channels back with few reads in flight, the busiest first', async () => {
  const { broker, channels, frames, names, opened, gate } = await nodeThatMissedMuch();
  for (const [n, channel] of opened.entries()) channel.deliveredAtMs = n;
  broker.resubscribed(names);
  while (gate.inFlight === 0) await soon();
  for (let ticks = 0; ticks < 50; ticks++) await soon();
  expect(gate.most).toBeLessThanOrEqual(MAX_IN_FLIGHT);
  const first = gate.order.length;
  expect(gate.order).toEqual(names.slice(-first).reverse());
  gate.open();
  while (frames.length < MANY) await soon();
  expect(gate.most).toBeLessThanOrEqual(MAX_IN_FLIGHT);
  expect(gate.order).toHaveLength(MANY);
  channels.close();
});

it('delivers to channels that are well meanwhile, and opens others', async () => {
  const { broker, channels, frames, names, gate } = await nodeThatMissedMuch();
  const well = channels.acquire('well');
  gate.open();
  await well.ready;
  well.audience.addSocket(socket, JSON_FRAMES);
  broker.beforeRead = (name) => (name === 'another' ? undefined : new Promise(() => undefined));
  const before = frames.length;
  broker.resubscribed(names);
  for (let ticks = 0; ticks < 50; ticks++) await soon();
  await broker.healthy.publish({ channel: 'well', data: '"fine"' });
  while (frames.length === before) await soon();
  expect(frames.at(-1)).toContain('"fine"');
  expect(await channels.acquire('another').ready).toBe(true);
  channels.close();
});

it('notes nothing for a channel that waits for its turn, and still delivers all in order', async () => {
  const { broker, channels, frames, names, gate } = await nodeThatMissedMuch();
  broker.resubscribed(names);
  while (gate.inFlight === 0) await soon();
  for (let n = 2; n <= 4; n++) {
    for (const channel of names) await broker.healthy.publish({ channel, data: String(n) });
  }
  gate.open();
  while (frames.length < 4 * MANY) await soon();
  const perChannel = new Map<string, unknown[]>();
  for (const frame of frames) {
    const { channel, data } = JSON.parse(frame) as { channel: string; data: unknown };
    perChannel.set(channel, [...(perChannel.get(channel) ?? []), data]);
  }
  for (const name of names) expect(perChannel.get(name)).toEqual([1, 2, 3, 4]);
  channels.close();
});

it('has few try again at once when the broker is back, and whoever comes then not wait behind them', async () => {
  const { broker, channels, names, gate } = await nodeThatMissedMuch();
  const waiting = Array.from({ length: MANY - 10 }, (_, n) => channels.acquire(`opening${n}`));
  broker.away = true;
  const readers = waiting.map((channel) => channel.ready);
  for (let ticks = 0; ticks < 10; ticks++) await soon();
  broker.away = false;
  broker.resubscribed(names.slice(0, 1));
  for (let ticks = 0; ticks < 50; ticks++) await soon();
  expect(gate.most).toBeLessThanOrEqual(MAX_IN_FLIGHT + 1);
  expect(await channels.acquire('another').ready).toBe(true);
  gate.open();
  await Promise.all(readers);
  expect(gate.most).toBeLessThanOrEqual(2 * MAX_IN_FLIGHT);
  channels.close();
});

it('gives turns in the order in which they were asked for, however many wait', async () => {
  const turns = new Turns(2);
  const order: number[] = [];
  let running = 0;
  const task = (n: number) => async () => {
    expect(++running).toBeLessThanOrEqual(2);
    order.push(n);
    await soon();
    running--;
    if (n % 7 === 0) throw new Error('a task that fails gives its turn back');
  };
  const all = Array.from({ length: 5_000 }, (_, n) => turns.take(task(n)).catch(() => undefined));
  await Promise.all(all);
  expect(order).toEqual(all.map((_, n) => n));
  await turns.take(task(1));
});

it('goes on without a task that hangs, which gives back no second turn when it ends', async () => {
  const turns = new Turns(1, 20);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hanging = turns.take(() => released);
  expect(await turns.take(async () => 'meanwhile')).toBe('meanwhile');
  let most = 0;
  let running = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    release();
    await hanging;
    running--;
  };
  await Promise.all([1, 2, 3].map(() => turns.take(task)));
  expect(most).toBe(1);
});
