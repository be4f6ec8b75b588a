// Who receives a channel's messages: one frame for each encoding that somebody listens in, and none that nobody does.

import { expect, it } from 'vitest';
import { LoopTurn } from '../../../src/lib/loop-turn.js';
import { Audience } from '../../../src/node/channels/audience.js';
import { noGaps } from '../../../src/node/channels/channel-counters.js';
import { EVENT_STREAM, JSON_FRAMES, type TopicEncoding } from '../../../src/node/channels/encoding.js';
import { buildMessage, framePrefix, passingFrames } from '../../../src/node/channels/message.js';

/** An encoding of another dialect that counts what it builds. */
function counting(): TopicEncoding & { built: number } {
  const encoding = {
    built: 0,
    topicOf: (channel: string) => `x/${channel}`,
    message: () => {
      encoding.built++;
      return Buffer.from('x');
    },
    gap: () => Buffer.from('gap'),
  };
  return encoding;
}

function audience() {
  const published: string[] = [];
  const topics: string[] = [];
  const socket = {
    subscribe: (topic: string) => void topics.push(`+${topic}`),
    unsubscribe: (topic: string) => void topics.push(`-${topic}`),
  };
  const counters = { deliveredSockets: 0, deliveredStreams: 0, ...noGaps() };
  const failures: unknown[] = [];
  const parts = {
    turn: new LoopTurn(),
    publish: (topic: string, frame: Buffer) => {
      published.push(`${topic}: ${frame}`);
      if (topic.startsWith('bad/')) throw new Error('a topic');
    },
    counters,
    failed: (error: unknown, channel: string) => void failures.push([error, channel]),
  };
  return { all: new Audience('news', parts), published, topics, socket, counters, failures };
}

const message = () =>
  buildMessage(
    framePrefix('news'),
    { offset: undefined, previous: undefined, data: Buffer.from('1'), from: undefined },
    passingFrames,
  );
const FRAME = '{"type":"message","channel":"news","data":1}';
const GAP = { type: 'gap', channel: 'news', after: 'a', offset: 'b', reason: 'lost' } as const;

it('builds a frame once for each encoding, whatever the number of its listeners', () => {
  const { all, published, socket } = audience();
  const other = counting();
  for (let n = 0; n < 3; n++) all.addSocket(socket, JSON_FRAMES);
  for (let n = 0; n < 5; n++) all.addSocket(socket, other);
  all.message(message());
  expect(published).toEqual([`news: ${FRAME}`, 'x/news: x']);
  expect(other.built).toBe(1);
});

it('gives who is alone the first message of a turn at once, and all else by the topic', async () => {
  const { all, published, socket } = audience();
  const alone = { ...socket, deliver: (frame: Buffer) => void published.push(`alone: ${frame}`) };
  const rounds = async (): Promise<string[]> => {
    for (let n = 0; n < 2; n++) all.message(message());
    await new Promise((resolve) => setImmediate(resolve));
    all.message(message());
    await new Promise((resolve) => setImmediate(resolve));
    return published.splice(0).map((line) => line.replace(`: ${FRAME}`, ''));
  };
  all.addSocket(alone, JSON_FRAMES);
  expect(await rounds()).toEqual(['alone', 'news', 'alone']);
  all.addSocket(socket, JSON_FRAMES);
  expect(await rounds()).toEqual(['news', 'news', 'news']);
  all.removeSocket(socket, JSON_FRAMES);
  expect(await rounds()).toEqual(['news', 'news', 'news']);
  all.removeSocket(alone, JSON_FRAMES);
  expect(await rounds()).toEqual([]);
});

it('builds nothing for an encoding whose last listener has left', () => {
  const { all, published, topics, socket } = audience();
  const other = counting();
  all.addSocket(socket, other);
  all.removeSocket(socket, other);
  all.message(message());
  all.gap(GAP);
  expect([other.built, published]).toEqual([0, []]);
  expect(topics).toEqual(['+x/news', '-x/news']);
});

it('serves everybody, though some of them throw, and tells of each', () => {
  const { all, published, socket, failures } = audience();
  const served: string[] = [];
  const bad = () => {
    throw new Error('a receiver');
  };
  all.addSocket(socket, { ...counting(), topicOf: (channel) => `bad/${channel}` });
  all.addSocket(socket, JSON_FRAMES);
  all.addStream({ write: bad }, EVENT_STREAM);
  all.addStream({ write: () => void served.push('stream') }, EVENT_STREAM);
  all.addWaiter({ message: bad, gap: bad });
  all.addWaiter({ message: () => void served.push('poll'), gap: () => void served.push('poll') });
  all.message(message());
  all.gap(GAP);
  expect(published).toEqual(['bad/news: x', `news: ${FRAME}`, 'bad/news: gap', `news: ${JSON.stringify(GAP)}`]);
  expect(served).toEqual(['stream', 'poll', 'stream', 'poll']);
  expect(failures.map((failure) => String(failure))).toEqual(
    ['a topic', 'a receiver', 'a receiver', 'a topic', 'a receiver', 'a receiver'].map((text) => `Error: ${text},news`),
  );
});

it('counts each socket and stream that a message goes to, without touching them', () => {
  const { all, socket, counters } = audience();
  for (let n = 0; n < 3; n++) all.addSocket(socket, JSON_FRAMES);
  const streams = Array.from({ length: 2 }, () => ({ write: () => undefined }));
  for (const stream of streams) all.addStream(stream, EVENT_STREAM);
  all.message(message());
  all.removeSocket(socket, JSON_FRAMES);
  all.message(message());
  expect(counters).toMatchObject({ deliveredSockets: 5, deliveredStreams: 4 });
});

it('tells sockets, streams and polls of messages and gaps', () => {
  const { all, published, socket, counters } = audience();
  const events: string[] = [];
  const stream = { write: (event: Buffer) => void events.push(String(event)) };
  const heard: string[] = [];
  const waiter = { message: (channel: string) => void heard.push(channel), gap: () => void heard.push('gap') };
  all.addSocket(socket, JSON_FRAMES);
  all.addStream(stream, EVENT_STREAM);
  const place = all.addWaiter(waiter);
  all.message(message());
  all.gap(GAP);
  expect(published).toEqual([`news: ${FRAME}`, `news: ${JSON.stringify(GAP)}`]);
  expect(events).toEqual([`event: message\ndata: ${FRAME}\n\n`, `event: gap\ndata: ${JSON.stringify(GAP)}\n\n`]);
  expect(heard).toEqual(['news', 'gap']);
  // The poll is counted where it is answered.
  expect(counters).toMatchObject({ [`gaps.${GAP.reason}`]: 2 });
  all.removeSocket(socket, JSON_FRAMES);
  all.removeStream(stream, EVENT_STREAM);
  all.removeWaiter(place);
  all.message(message());
  expect([published.length, events.length, heard.length]).toEqual([2, 2, 2]);
});

it('tells the polls that wait in the order in which they came, whoever of them has left', () => {
  const { all } = audience();
  let heard: number[] = [];
  const places = Array.from({ length: 5 }, (_, n) =>
    all.addWaiter({ message: () => void heard.push(n), gap: () => {} }),
  );
  const tellsAfter = (leave: readonly number[]) => {
    for (const place of places.filter((_, n) => leave.includes(n))) all.removeWaiter(place);
    heard = [];
    all.message(message());
    return heard;
  };
  expect(tellsAfter([])).toEqual([0, 1, 2, 3, 4]);
  expect(tellsAfter([2])).toEqual([0, 1, 3, 4]);
  expect(tellsAfter([0, 4])).toEqual([1, 3]);
  all.addWaiter({ message: () => void heard.push(9), gap: () => {} });
  expect(tellsAfter([1, 3])).toEqual([9]);
});

it('tells each of the polls that still wait, where some leave while it does', () => {
  const { all } = audience();
  const heard: string[] = [];
  const waiter = (name: string, leaving: readonly string[]) => ({
    message: () => {
      heard.push(name);
      for (const other of leaving) leave(other);
    },
    gap: () => {},
  });
  const places = new Map([
    ['a', all.addWaiter(waiter('a', ['a', 'b']))],
    ['b', all.addWaiter(waiter('b', []))],
    ['c', all.addWaiter(waiter('c', ['c']))],
    ['d', all.addWaiter(waiter('d', []))],
  ]);
  function leave(name: string): void {
    const place = places.get(name);
    if (place !== undefined) all.removeWaiter(place);
  }
  all.message(message());
  expect(heard).toEqual(['a', 'c', 'd']);
  all.message(message());
  expect(heard).toEqual(['a', 'c', 'd', 'd']);
});

it('keeps of a poll that has left nothing of those that came after it', () => {
  const { all } = audience();
  const waiter = { message: () => {}, gap: () => {} };
  const places = Array.from({ length: 3 }, () => all.addWaiter(waiter));
  for (const place of places) all.removeWaiter(place);
  expect(places.map(({ previous, next }) => [previous, next])).toEqual(Array(3).fill([undefined, undefined]));
});
