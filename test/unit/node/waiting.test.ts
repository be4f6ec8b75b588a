// Who waits for a broker that is away or hangs: forgotten when gone, refused when too many, and in nobody else's way.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FanfareError } from '../../../src/lib/errors.js';
import { Turns } from '../../../src/lib/turns.js';
import { type Reader, Subscriptions } from '../../../src/node/clients/subscriptions.js';
import { NOBODY } from '../../../src/node/clients/visitor.js';
import type { After, ServerEvent } from '../../../src/protocol/index.js';
import { nodeOf, pollsOf } from './nameless-polls.js';

/** Polls that read at once. */
const MAX_READS = 256;
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const soon = () => new Promise((resolve) => setImmediate(resolve));

function sink(): Reader & { readonly told: ServerEvent[] } {
  const told: ServerEvent[] = [];
  return {
    told,
    keys: {},
    sendEvent: (event) => void told.push(event),
    sendMessage: () => undefined,
    cork: (write) => write(),
    bufferedBytes: () => 0,
    drained: () => Promise.resolve(),
    join: () => undefined,
    leave: () => undefined,
  };
}

const refusal = () => new FanfareError('broker_unavailable', 'full');

/** Opens channels on each of which one message stands in the log. */
async function openWithHistory({ broker, channels }: Awaited<ReturnType<typeof nodeOf>>, names: readonly string[]) {
  for (const channel of names) await broker.healthy.publish({ channel, data: '1' });
  await Promise.all(names.map((name) => channels.acquire(name).ready));
}

it('refuses who would be one too many to wait, and who has waited too long, and runs neither', async () => {
  const turns = new Turns(1);
  let release = () => {};
  const held = turns.take(() => new Promise<void>((resolve) => (release = resolve)));
  const ran: string[] = [];
  const take = (name: string, maxWaiting: number, longestWaitMs: number) =>
    turns.take(async () => ran.push(name), { maxWaiting, longestWaitMs, refusal });
  const late = take('late', 2, 20);
  const patient = take('patient', 2, 60_000);
  await expect(take('one too many', 2, 60_000)).rejects.toMatchObject({ code: 'broker_unavailable' });
  await expect(late).rejects.toMatchObject({ code: 'broker_unavailable' });
  release();
  await held;
  await patient;
  expect(ran).toEqual(['patient']);
  await turns.take(async () => ran.push('next'));
});

it.each([
  ['says that there is nothing', false, 204],
  ['where that says the tail, fails', true, 'broker_unavailable'],
])('a poll whose time is over while its log is still read %s', async (_what, saysTail, answer) => {
  const node = await nodeOf();
  const polls = pollsOf(node, saysTail);
  await openWithHistory(node, ['a']);
  let go = () => {};
  node.broker.beforeRead = () => new Promise((resolve) => (go = resolve));
  const { task } = polls.begin({ a: '-1' }, 30_000);
  task.deref()?.expired();
  expect(polls.answers).toEqual([answer]);
  go();
  await soon();
  expect(polls.answers).toHaveLength(1);
  polls.close();
});

it('keeps nothing of a poll that has ended and of a link that has closed while a channel cannot be opened', async () => {
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  parts.broker.away = true;
  const subscribed = () => {
    const link = sink();
    const subscriptions = new Subscriptions(parts.subscriptions, link);
    const begun = subscriptions.begin(NOBODY, 'news', 'now', 1);
    subscriptions.endAll();
    return { link: new WeakRef(link), begun };
  };
  const { link, begun } = subscribed();
  const aborted = () => {
    const { task, abort } = polls.begin({ news: 'now' }, 60_000);
    abort();
    return task;
  };
  const gone = aborted();
  const { task } = polls.begin({ news: 'now' }, 20);
  // It would wait for the broker.
  await begun;
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toEqual(['broker_unavailable']);
  polls.close();
  const kept = () => [link, task, gone].filter((ref) => ref.deref() !== undefined).length;
  for (let tries = 0; kept() > 0 && tries < 50; tries++) {
    await soon();
    gc();
  }
  expect(kept()).toBe(0);
  parts.channels.close();
});

it('answers polls and subscriptions that still wait once the channel can be opened', async () => {
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  parts.broker.away = true;
  polls.begin({ news: 'now', other: 'now' }, 60_000);
  const link = sink();
  const begun = new Subscriptions(parts.subscriptions, link).begin(NOBODY, 'news', 'now', 1);
  parts.broker.away = false;
  await begun;
  expect(link.told).toMatchObject([{ type: 'subscribed', id: 1, channel: 'news' }]);
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toMatchObject([{ channels: { news: {}, other: {} } }]);
  polls.close();
  parts.channels.close();
});

it('reads nothing for a poll whose client went while it waited for its turn', async () => {
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  const { broker } = parts;
  broker.beforeRead = (name) => (name === 'last' ? undefined : new Promise(() => undefined));
  const begun = Array.from({ length: MAX_READS + 100 }, (_, n) => polls.begin({ [`c${n}`]: '-1' }, 0));
  for (const { abort } of begun.slice(MAX_READS)) abort();
  polls.begin({ last: 'now' }, 0);
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toMatchObject([{ channels: { last: {} } }]);
  expect(broker.reads).toBe(MAX_READS + 1);
  polls.close();
  parts.channels.close();
});

it('answers a poll with what came for one channel while the log of another was read', async () => {
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  const { broker, channels } = parts;
  const [a] = ['a', 'b'].map((name) => channels.acquire(name));
  await Promise.all(['a', 'b'].map((name) => channels.acquire(name).ready));
  // Of b the bus brings nothing, so that only the log can tell of the position that the poll has.
  broker.bus = (name, message, deliver) => name === 'a' && deliver(name, message);
  const ahead = await broker.healthy.publish({ channel: 'b', data: '1' });
  let release = () => {};
  let reading = false;
  broker.afterRead = () => {
    reading = true;
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  polls.begin({ a: a?.position ?? '', b: ahead }, 60_000);
  while (!reading) await soon();
  await broker.healthy.publish({ channel: 'a', data: '"meanwhile"' });
  // The repair of b never ends, so that nothing but what came for a can wake the poll.
  let reads = 0;
  broker.afterRead = () => (reads++ === 0 ? new Promise(() => undefined) : undefined);
  release();
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toMatchObject([{ channels: { a: { messages: [{ data: 'meanwhile' }] } } }]);
  polls.close();
  channels.close();
});

it.each([
  ['cannot be opened', 'comes', false],
  ['cannot be opened', 'is there already', false],
  ['has a log that cannot be read', 'comes', true],
  ['has a log that cannot be read', 'is there already', true],
])('answers a long poll whose other channel %s with what %s for the first', async (_, when, isOpen) => {
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  const { broker, channels } = parts;
  const a = channels.acquire('a');
  a.memory.keep();
  await a.ready;
  const after = a.position;
  let stuck: After = 'now';
  if (isOpen) {
    await channels.acquire('stuck').ready;
    stuck = '1000000000000-0000000000000001'; // Only its log could judge it.
  }
  broker.beforeRead = (name) => (name === 'stuck' ? new Promise(() => undefined) : undefined);
  const publish = () => broker.healthy.publish({ channel: 'a', data: '"news"' });
  if (when === 'comes') {
    polls.begin({ a: after, stuck }, 60_000);
    await soon();
    await publish();
  } else {
    await publish();
    polls.begin({ a: after, stuck }, 60_000);
  }
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toMatchObject([{ channels: { a: { messages: [{ data: 'news' }] } } }]);
  polls.close();
  channels.close();
});

it('refuses a poll when too many wait for their turn before it', async () => {
  // No poll's patience ends while the others are made, however busy the machine is.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const parts = await nodeOf();
  const polls = pollsOf(parts);
  parts.broker.beforeRead = () => new Promise(() => undefined);
  for (let n = 0; n < MAX_READS + 10_000; n++) polls.begin({ [`c${n}`]: '-1' }, 0);
  expect(polls.answers).toEqual([]);
  polls.begin({ news: '-1' }, 0);
  while (polls.answers.length === 0) await soon();
  expect(polls.answers).toEqual(['broker_unavailable']);
  polls.close();
  parts.channels.close();
});

it('replays other channels of a link though the logs of some cannot be read now', async () => {
  const parts = await nodeOf();
  const bad = ['bad1', 'bad2', 'bad3', 'bad4'];
  await openWithHistory(parts, [...bad, 'good']);
  parts.broker.beforeRead = async (name) => {
    if (name.startsWith('bad')) throw refusal();
  };
  const link = sink();
  const subscriptions = new Subscriptions(parts.subscriptions, link);
  for (const name of bad) void subscriptions.begin(NOBODY, name, '-1', 1);
  await subscriptions.begin(NOBODY, 'good', '-1', 2);
  expect(link.told).toMatchObject([{ type: 'subscribed', id: 2, channel: 'good', recovered: true }]);
  subscriptions.endAll();
  parts.channels.close();
});

it('replays other channels of a link though some must be repaired and cannot be', async () => {
  const parts = await nodeOf(2);
  const { broker } = parts;
  const bad = ['bad1', 'bad2', 'bad3', 'bad4'];
  await openWithHistory(parts, [...bad, 'good']);
  const bus = broker.bus;
  broker.bus = () => undefined;
  for (const channel of bad) for (let n = 0; n < 5; n++) await broker.healthy.publish({ channel, data: '1' });
  await soon();
  broker.bus = bus;
  const read = new Set<string>();
  broker.beforeRead = async (name) => {
    if (read.has(name)) throw refusal();
    if (name.startsWith('bad')) read.add(name);
  };
  const link = sink();
  const subscriptions = new Subscriptions(parts.subscriptions, link);
  for (const name of bad) void subscriptions.begin(NOBODY, name, '-1', 1);
  await subscriptions.begin(NOBODY, 'good', '-1', 2);
  expect(link.told).toContainEqual(expect.objectContaining({ type: 'subscribed', id: 2, channel: 'good' }));
  expect(parts.channels.counters.repairs).toBe(4);
  subscriptions.endAll();
  parts.channels.close();
});

it('answers each subscribe to a channel whose log cannot be read with its own id', async () => {
  const parts = await nodeOf();
  parts.broker.beforeRead = async () => {
    throw new FanfareError('internal', 'something foreign');
  };
  const link = sink();
  const subscriptions = new Subscriptions(parts.subscriptions, link);
  await Promise.all([1, 2, 3].map((id) => subscriptions.begin(NOBODY, 'news', 'now', id)));
  const answers = link.told.map((event) => ('id' in event ? event.id : undefined)).sort();
  expect(answers).toEqual([1, 2, 3]);
  for (const event of link.told) expect(event).toMatchObject({ type: 'error', code: 'internal', channel: 'news' });
  parts.channels.close();
});
