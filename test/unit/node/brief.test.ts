// Frames that say once what their messages have in common: whatever is published, a client reads what it reads of whole messages.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LoopTurn } from '../../../src/lib/loop-turn.js';
import { Audience } from '../../../src/node/channels/audience.js';
import { Batches } from '../../../src/node/channels/batches.js';
import { noGaps } from '../../../src/node/channels/channel-counters.js';
import { BATCHED_FRAMES, BRIEF_FRAMES } from '../../../src/node/channels/encoding.js';
import { buildMessage, framePrefix, passingFrames } from '../../../src/node/channels/message.js';
import { decodeFrame, formatOffset } from '../../../src/protocol/index.js';

interface Published {
  readonly offset: string | undefined;
  readonly data: string;
  readonly from?: string;
}

/** What both kinds of sockets are sent, of messages that come at once. */
async function framesOf(messages: readonly Published[], maxBytes = 64 * 1024) {
  const frames: { whole: string[]; brief: string[] } = { whole: [], brief: [] };
  const publish = (topic: string, frame: Buffer) =>
    void frames[topic.startsWith('brief ') ? 'brief' : 'whole'].push(String(frame));
  const failed = (error: unknown) => {
    throw error;
  };
  const batches = new Batches(maxBytes, failed);
  const counters = { deliveredSockets: 0, deliveredStreams: 0, ...noGaps() };
  const audience = new Audience('news', { turn: new LoopTurn(), publish, batches, counters, failed });
  for (const encoding of [BATCHED_FRAMES, BRIEF_FRAMES])
    audience.addSocket({ subscribe: () => {}, unsubscribe: () => {} }, encoding);
  for (const { offset, data, from } of messages) {
    const sender = from === undefined ? undefined : Buffer.from(from);
    const message = { offset, previous: undefined, data: Buffer.from(data), from: sender };
    audience.message(buildMessage(framePrefix('news'), message, passingFrames));
  }
  await new Promise((resolve) => setImmediate(resolve));
  return frames;
}

const offsets = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 10 ** 12 }), fc.integer({ min: 0, max: 2 ** 53 - 1 }), fc.boolean()))
  .map((steps) => {
    let ms = 1_000_000_000_000;
    return steps.map(([later, seq, isNear], n) => {
      if (!isNear) ms += later;
      return formatOffset(ms, isNear ? n : seq);
    });
  });
const published: fc.Arbitrary<Published[]> = offsets.chain((all) =>
  fc.tuple(
    ...all.map((offset) =>
      fc.record(
        {
          offset: fc.option(fc.constant(offset), { nil: undefined, freq: 4 }),
          data: fc.json(),
          from: fc.constant('{"connection":"c","user":"ü"}'),
        },
        { requiredKeys: ['offset', 'data'] },
      ),
    ),
  ),
);

it('reads as whole messages do', () =>
  fc.assert(
    fc.asyncProperty(published, fc.integer({ min: 300, max: 4_000 }), async (messages, maxBytes) => {
      const { whole, brief } = await framesOf(messages, maxBytes);
      const read = brief.flatMap(decodeFrame);
      expect(read).toEqual(whole.flatMap(decodeFrame));
      expect(read).toHaveLength(messages.length);
    }),
  ));

it('has the bytes that it is asked for', async () => {
  const at = (n: number) => formatOffset(1_795_342_704_520, 433_091_248_128 + n);
  const { brief } = await framesOf([
    { offset: at(0), data: '1' },
    { offset: at(1), data: '2' },
    { offset: undefined, data: '"live"' },
    { offset: at(2), data: '3' },
  ]);
  expect(brief).toEqual([
    '[{"type":"message","channel":"news","offset":"1795342704520-0000433091248128","data":1},{"offset":"9","data":2},{"data":"live"},{"offset":"30","data":3}]',
  ]);
});

it('names the whole offset where none stands before it', async () => {
  const offset = formatOffset(1_795_342_704_520, 1);
  const { brief } = await framesOf([
    { offset: undefined, data: '1' },
    { offset, data: '2' },
  ]);
  expect(brief).toEqual([`[{"type":"message","channel":"news","data":1},{"offset":"${offset}","data":2}]`]);
});

it('begins anew with each frame', async () => {
  const messages = [0, 1, 2, 3].map((n) => ({ offset: formatOffset(1_795_342_704_520, n), data: '"x"' }));
  const { brief } = await framesOf(messages, 160);
  expect(brief.length).toBeGreaterThan(1);
  expect(brief.flatMap(decodeFrame).map((event) => 'offset' in event && event.offset)).toEqual(
    messages.map(({ offset }) => offset),
  );
});
