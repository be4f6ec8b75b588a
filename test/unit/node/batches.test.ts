// Messages that come at once in one frame: for who asked for that, in order with all else, and never at the cost of one that comes alone.

import { beforeEach, describe, expect, it } from 'vitest';
import { LoopTurn } from '../../../src/lib/loop-turn.js';
import { Audience } from '../../../src/node/channels/audience.js';
import { Batches } from '../../../src/node/channels/batches.js';
import { noGaps } from '../../../src/node/channels/channel-counters.js';
import { BATCHED_FRAMES, JSON_FRAMES } from '../../../src/node/channels/encoding.js';
import { buildMessage, framePrefix, passingFrames } from '../../../src/node/channels/message.js';
import type { TopicListener } from '../../../src/node/channels/topic-group.js';

const MAX_BYTES = 400;
const TOPIC = BATCHED_FRAMES.topicOf('news');
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Everything that happened, in order: frames by topic, and who came and went. */
let happened: string[] = [];
let batches: Batches;
let audience: Audience;

const numbersIn = (frame: string): unknown => {
  const value = JSON.parse(frame) as { data: unknown } | { data: unknown }[];
  return Array.isArray(value) ? value.map(({ data }) => data) : value.data;
};

function listener(name: string): TopicListener {
  return {
    subscribe: (topic) => void happened.push(`${name} joins ${topic}`),
    unsubscribe: (topic) => void happened.push(`${name} leaves ${topic}`),
  };
}

function say(data: unknown): void {
  const message = { offset: undefined, previous: undefined, data: Buffer.from(JSON.stringify(data)), from: undefined };
  audience.message(buildMessage(framePrefix('news'), message, passingFrames));
}

beforeEach(() => {
  happened = [];
  const publish = (topic: string, frame: Buffer) =>
    void happened.push(`${topic}: ${JSON.stringify(numbersIn(String(frame)))}`);
  const failed = (error: unknown) => {
    throw error;
  };
  batches = new Batches(MAX_BYTES, failed);
  const counters = { deliveredSockets: 0, deliveredStreams: 0, ...noGaps() };
  audience = new Audience('news', { turn: new LoopTurn(), publish, batches, counters, failed });
  return () => batches.close();
});

describe('messages that come at once', () => {
  it('go as one array', async () => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    happened.length = 0;
    for (const data of [1, 2, 3]) say(data);
    await turn();
    expect(happened).toEqual([`${TOPIC}: [1,2,3]`]);
  });

  it('leave before the event loop does anything else, and those of promises that were kept meanwhile with them', async () => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    happened.length = 0;
    const done = new Promise<void>((resolve) => {
      setImmediate(() => {
        say(1);
        void Promise.resolve()
          .then(() => Promise.resolve())
          .then(() => say(2));
      });
      setImmediate(() => {
        happened.push('the next callback');
        resolve();
      });
    });
    await done;
    expect(happened).toEqual([`${TOPIC}: [1,2]`, 'the next callback']);
  });

  it('are not wrapped where there is but one', async () => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    happened.length = 0;
    for (const data of [1, 2]) {
      say(data);
      await turn();
    }
    expect(happened).toEqual([`${TOPIC}: 1`, `${TOPIC}: 2`]);
  });

  it('are handed to who is alone without a topic, once a turn', async () => {
    audience.addSocket(
      {
        ...listener('ann'),
        deliver: (frame) => void happened.push(`ann: ${JSON.stringify(numbersIn(String(frame)))}`),
      },
      BATCHED_FRAMES,
    );
    happened.length = 0;
    for (const data of [1, 2]) say(data);
    batches.flush();
    say(3);
    await turn();
    expect(happened).toEqual(['ann: [1,2]', `${TOPIC}: 3`]);
  });

  it('go one by one to who did not ask for batches', async () => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    audience.addSocket(listener('bob'), JSON_FRAMES);
    happened.length = 0;
    for (const data of [1, 2, 3]) say(data);
    await turn();
    expect(happened.filter((what) => what.startsWith('news: '))).toEqual(['news: 1', 'news: 2', 'news: 3']);
    expect(happened).toContain(`${TOPIC}: [1,2,3]`);
  });

  it('fill frames within their bound, and one that is over it goes alone', async () => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    happened.length = 0;
    const long = 'x'.repeat(MAX_BYTES);
    for (const data of [0, 'a'.repeat(100), 'b'.repeat(100), 'c'.repeat(100), long, 1, 2]) say(data);
    await turn();
    const frames = happened.map((what) => JSON.parse(what.slice(TOPIC.length + 2)) as unknown);
    expect(frames).toEqual([[0, 'a'.repeat(100), 'b'.repeat(100)], 'c'.repeat(100), long, [1, 2]]);
  });
});

describe('what waits is published', () => {
  beforeEach(() => {
    audience.addSocket(listener('ann'), BATCHED_FRAMES);
    happened.length = 0;
    for (const data of [1, 2, 3]) say(data);
  });

  it('before anybody joins', () => {
    audience.addSocket(listener('bob'), BATCHED_FRAMES);
    expect(happened).toEqual([`${TOPIC}: [1,2,3]`, `bob joins ${TOPIC}`]);
  });

  it('before anybody leaves', () => {
    audience.removeSocket(listener('ann'), BATCHED_FRAMES);
    expect(happened).toEqual([`${TOPIC}: [1,2,3]`, `ann leaves ${TOPIC}`]);
  });

  it('before something is sent to one link alone, and what comes after it waits again', async () => {
    batches.flush();
    happened.push('published');
    say(4);
    say(5);
    expect(happened).toEqual([`${TOPIC}: [1,2,3]`, 'published']);
    await turn();
    expect(happened.at(-1)).toBe(`${TOPIC}: [4,5]`);
  });

  it('before a gap', () => {
    audience.gap({ type: 'gap', channel: 'news', after: '-1', offset: '0', reason: 'lost' });
    expect(happened[0]).toBe(`${TOPIC}: [1,2,3]`);
    expect(happened).toHaveLength(2);
  });
});
