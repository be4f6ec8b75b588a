// Who receives a channel's messages: one frame for each encoding that somebody listens in, and none that nobody does.

import { expect, it } from 'vitest';
import { Audience } from '../../../src/node/channels/audience.js';
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
  const all = new Audience('news', (topic, frame) => void published.push(`${topic}: ${frame}`));
  return { all, published, topics, socket };
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

it('tells sockets, streams and polls of messages and gaps', () => {
  const { all, published, socket } = audience();
  const events: string[] = [];
  const stream = { write: (event: Buffer) => void events.push(String(event)) };
  const heard: string[] = [];
  const waiter = { message: (channel: string) => void heard.push(channel), gap: () => void heard.push('gap') };
  all.addSocket(socket, JSON_FRAMES);
  all.addStream(stream, EVENT_STREAM);
  all.addWaiter(waiter);
  all.message(message());
  all.gap(GAP);
  expect(published).toEqual([`news: ${FRAME}`, `news: ${JSON.stringify(GAP)}`]);
  expect(events).toEqual([`event: message\ndata: ${FRAME}\n\n`, `event: gap\ndata: ${JSON.stringify(GAP)}\n\n`]);
  expect(heard).toEqual(['news', 'gap']);
  all.removeSocket(socket, JSON_FRAMES);
  all.removeStream(stream, EVENT_STREAM);
  all.removeWaiter(waiter);
  all.message(message());
  expect([published.length, events.length, heard.length]).toEqual([2, 2, 2]);
});
