// Polls that ask the same: they are given the same bytes, in slices, and nothing that is not theirs.

import { expect, it, onTestFinished, vi } from 'vitest';
import { rememberingDecoder } from '../../../src/node/transports/poll-bodies.js';
import { decodePollRequest } from '../../../src/protocol/index.js';
import { nodeOf, pollsOf } from './nameless-polls.js';

const soon = () => new Promise((resolve) => setImmediate(resolve));

/** A node with one open channel that holds messages `0`, `1` … after a position each. */
async function withMessages(count: number) {
  const parts = await nodeOf();
  const channel = parts.channels.acquire('news');
  channel.memory.keep();
  await channel.ready;
  const offsets = [channel.position];
  for (let n = 0; n < count; n++)
    offsets.push(await parts.broker.healthy.publish({ channel: 'news', data: String(n) }));
  const polls = pollsOf(parts);
  onTestFinished(() => {
    polls.close();
    parts.channels.close();
  });
  const publish = (data: string) => parts.broker.healthy.publish({ channel: 'news', data });
  return { ...parts, polls, offsets, channel, publish, at: (index: number) => offsets[index] ?? '' };
}

const dataOf = (answer: unknown): unknown =>
  (answer as { channels: { news: { messages: { data: unknown }[] } } }).channels.news.messages.map(({ data }) => data);

it('answers all who wait at one position with the same bytes, and each other position with its own', async () => {
  const { polls, at, publish } = await withMessages(3);
  for (let n = 0; n < 3; n++) polls.begin({ news: at(3) }, 60_000);
  expect(polls.answers).toEqual([]);
  await publish('3');
  while (polls.answers.length < 3) await soon();
  expect(polls.answers.map(dataOf)).toEqual([[3], [3], [3]]);
  expect(polls.bodies[2]).toBe(polls.bodies[1]);
  for (const index of [2, 1, 2, 3, 0, 3]) polls.begin({ news: at(index) }, 0);
  expect(polls.answers.slice(3).map(dataOf)).toEqual([[2, 3], [1, 2, 3], [2, 3], [3], [0, 1, 2, 3], [3]]);
});

it('answers who asks the same with what has come since', async () => {
  const { polls, at, publish } = await withMessages(2);
  const ask = () => polls.begin({ news: at(1) }, 0);
  ask();
  ask();
  await publish('2');
  ask();
  ask();
  expect(polls.answers.map(dataOf)).toEqual([[1], [1], [1, 2], [1, 2]]);
});

it('answers who asks the same for fewer bytes with fewer messages', async () => {
  const { polls, at } = await withMessages(3);
  for (const maxBytes of [1_000, 1, 1_000, 1]) polls.begin({ news: at(0) }, 0, maxBytes);
  expect(polls.answers.map(dataOf)).toEqual([[0, 1, 2], [0], [0, 1, 2], [0]]);
});

it('hands nothing out that has become too old since others were given it', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { polls, at, broker, channels } = await withMessages(2);
  channels.start();
  for (let n = 0; n < 2; n++) polls.begin({ news: at(0) }, 0);
  expect(polls.answers.map(dataOf)).toEqual([
    [0, 1],
    [0, 1],
  ]);
  const readsBefore = broker.reads;
  // An hour later the sweep says what is too old.
  vi.advanceTimersByTime(3_600_000);
  polls.begin({ news: at(0) }, 0);
  while (polls.answers.length < 3) await soon();
  expect(broker.reads).toBe(readsBefore + 1);
});

it('reads the log again for a channel that was closed and opened anew, whatever was written before', async () => {
  const { polls, at, broker, channels, channel } = await withMessages(2);
  for (let n = 0; n < 2; n++) polls.begin({ news: at(0) }, 0);
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  channels.start();
  channels.release(channel);
  vi.advanceTimersByTime(60_000);
  expect(channels.has('news')).toBe(false);
  await channels.acquire('news').ready;
  const readsBefore = broker.reads;
  polls.begin({ news: at(0) }, 0);
  while (polls.answers.length < 3) await soon();
  expect(broker.reads).toBe(readsBefore + 1);
});

it('answers some hundreds in a turn, and lets others come in between', async () => {
  const { polls, at, publish } = await withMessages(1);
  for (let n = 0; n < 1_000; n++) polls.begin({ news: at(1) }, 60_000);
  await publish('1');
  const counts: number[] = [];
  while (polls.answers.length < 1_000) {
    await soon();
    counts.push(polls.answers.length);
  }
  for (const [index, count] of counts.entries()) expect(count - (counts[index - 1] ?? 0)).toBeLessThanOrEqual(256);
  expect(polls.answers.map(dataOf)).toEqual(Array.from({ length: 1_000 }, () => [1]));
});

it('counts and holds nobody who has been answered, has gone or is told to move', async () => {
  const { polls, at, publish, channel } = await withMessages(1);
  const users = channel.users;
  const begin = () => polls.begin({ news: at(1) }, 60_000);
  const [first] = [begin(), begin(), begin()];
  expect([polls.room.size, channel.users]).toEqual([3, users + 3]);
  first?.abort();
  expect([polls.room.size, channel.users]).toEqual([2, users + 2]);
  await publish('1');
  while (polls.answers.length < 2) await soon();
  expect([polls.room.size, channel.users]).toEqual([0, users]);
  polls.begin({ news: channel.position }, 60_000);
  polls.room.moveAll();
  expect([polls.room.size, channel.users, polls.answers.at(-1)]).toEqual([0, users, 204]);
});

it('decodes the same text once, while it is among the last', () => {
  let decoded = 0;
  const decode = rememberingDecoder((body) => {
    decoded++;
    return decodePollRequest(body);
  });
  const body = (name: string) => JSON.stringify({ channels: { [name]: 'now' }, waitMs: 0 });
  expect(decode(body('a'))).toBe(decode(body('a')));
  expect(decode(body('b'))).not.toBe(decode(body('a')));
  expect(decoded).toBe(2);
  for (let n = 0; n < 16; n++) decode(body(`c${n}`));
  decode(body('a'));
  expect(decoded).toBe(19);
});

it('remembers no body that is refused, and no long one', () => {
  const decode = rememberingDecoder(decodePollRequest);
  expect(decode('[]')).not.toBe(decode('[]'));
  expect(decode('[]')).toMatchObject({ ok: false, problem: { code: 'not_an_object' } });
  const long = JSON.stringify({ channels: { a: 'now' }, waitMs: 0, x: 'x'.repeat(500) });
  expect(decode(long)).not.toBe(decode(long));
  expect(decode(long)).toMatchObject({ ok: true });
});
