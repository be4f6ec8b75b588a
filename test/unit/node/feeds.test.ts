// What a conflated link is sent, whatever comes and however slow it is: held to the log of what its channel delivered.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRateLimiter } from '../../../src/limits/create-rate-limiter.js';
import type { Channel } from '../../../src/node/channels/channel.js';
import { Fed } from '../../../src/node/channels/fed.js';
import { buildMessage, type ChannelMessage, framePrefix, passingFrames } from '../../../src/node/channels/message.js';
import { ConflatedFeed } from '../../../src/node/clients/conflated-feed.js';
import type { ServerEvent } from '../../../src/protocol/index.js';

interface Sent {
  readonly type: string;
  readonly offset?: string;
  readonly after?: string;
  readonly skipped?: number;
  readonly data?: unknown;
}

const offsetAt = (n: number) => `${String(n).padStart(13, '0')}-0000000000000000`;

/** A channel that delivers what it is told to, and one conflated link on it. */
class World {
  readonly sent: Sent[] = [];
  readonly fed = new Fed();
  readonly feed: ConflatedFeed;
  /** Unsent bytes of the link. */
  buffered = 0;
  #count = 0;
  #drain: (() => void)[] = [];

  constructor(perSecond: number, { isAsked = true, conflateBy = 'id', held = { bytes: 0 } } = {}) {
    const limiter = createRateLimiter({ algorithm: 'token-bucket', perSecond, burst: Math.max(1, perSecond / 2) });
    const sink = {
      sendEvent: (event: ServerEvent) => void this.sent.push(event as Sent),
      sendMessage: ({ frame }: ChannelMessage) => void this.sent.push(JSON.parse(String(frame))),
      cork: (write: () => void) => write(),
      bufferedBytes: () => this.buffered,
      drained: () => new Promise<void>((resolve) => this.#drain.push(resolve)),
    };
    const audience = {
      countGap() {},
      addFed: (listener: ConflatedFeed) => this.fed.add(listener),
      removeFed: (listener: ConflatedFeed) => this.fed.remove(listener),
      newest: (member: string, position: string) => this.fed.newest(member, position),
    };
    const channel = { name: 'tick:1', position: offsetAt(0), audience } as unknown as Channel;
    const burst = Math.max(1, perSecond / 2);
    const terms = { limiters: [limiter], burst, nowMs: Date.now, conflateBy, isAsked };
    const slices = undefined as never;
    const failed = (error: unknown) => {
      throw error;
    };
    this.feed = new ConflatedFeed(channel, { ...terms, sink, aheadBytes: 100, held, slices, failed });
  }

  /** Goes live behind `replayed` messages that it is sent by a follower. */
  begin(replayed = 0): void {
    this.feed.sendEvent({ type: 'subscribed', channel: 'tick:1', offset: offsetAt(0), recovered: true });
    this.sent.length = 0;
    for (let n = 0; n < replayed; n++) this.feed.sendMessage(this.#next({ id: n % 3, n }));
    this.feed.goLive();
  }

  /** The same with so many kinds of so many bytes. */
  beginWith(kinds: number, bytes: number): void {
    this.feed.sendEvent({ type: 'subscribed', channel: 'tick:1', offset: offsetAt(0), recovered: true });
    this.sent.length = 0;
    for (let id = 0; id < kinds; id++) this.feed.sendMessage(this.#next({ id, fill: 'x'.repeat(bytes) }));
    this.feed.goLive();
  }

  deliver(data: unknown): void {
    this.fed.message(this.#next(data), (error) => {
      throw error;
    });
  }

  liveOnly(data: unknown): void {
    const message = { data: Buffer.from(JSON.stringify(data)) };
    this.fed.message(buildMessage(framePrefix('tick:1'), message as never, passingFrames), () => undefined);
  }

  async drain(): Promise<void> {
    this.buffered = 0;
    for (const resolve of this.#drain.splice(0)) resolve();
    await vi.advanceTimersByTimeAsync(0);
  }

  get count(): number {
    return this.#count;
  }

  #next(data: unknown): ChannelMessage {
    const offset = offsetAt(++this.#count);
    const message = { offset, previous: offsetAt(this.#count - 1), data: Buffer.from(JSON.stringify(data)) };
    return buildMessage(framePrefix('tick:1'), message as never, passingFrames);
  }
}

/** That offsets go up, and that everything which is not there was counted. */
function judge(sent: readonly Sent[], count: number): void {
  let at = 0;
  for (const { offset, skipped = 0 } of sent.filter(({ type }) => type === 'message')) {
    const n = Number(offset?.split('-')[0]);
    expect(n).toBe(at + 1 + skipped);
    at = n;
  }
  expect(at).toBe(count);
}

beforeEach(() => void vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => void vi.useRealTimers());

describe('a conflated link', () => {
  it('is sent the newest of each value in the order of offsets, and told truly how many it was not', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ id: fc.integer({ min: 0, max: 4 }) }),
        fc.record({ waitMs: fc.integer({ min: 1, max: 400 }) }),
        fc.constantFrom({ stops: true }, { reads: true }),
      ),
      { maxLength: 80 },
    );
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 40 }), fc.nat({ max: 10 }), async (script, pace, replayed) => {
        const world = new World(pace);
        world.begin(replayed);
        const newest = new Map<number, number>();
        for (let n = 0; n < replayed; n++) newest.set(n % 3, n + 1);
        for (const step of script) {
          if ('id' in step) {
            world.deliver({ id: step.id });
            newest.set(step.id, world.count);
          } else if ('waitMs' in step) await vi.advanceTimersByTimeAsync(step.waitMs);
          else if ('stops' in step) world.buffered = 1_000;
          else await world.drain();
        }
        await world.drain();
        await vi.advanceTimersByTimeAsync(60_000);
        judge(world.sent, world.count);
        const got = world.sent.map(({ offset }) => Number(offset?.split('-')[0]));
        for (const n of newest.values()) expect(got).toContain(n);
        world.feed.end();
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('is sent no live-only message that would have to wait, and every other at once', async () => {
    const world = new World(2);
    world.begin();
    world.liveOnly('first');
    world.liveOnly('second');
    world.deliver({ id: 1 });
    world.liveOnly('third');
    expect(world.sent.map(({ data }) => data)).toEqual(['first']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(world.sent.map(({ data }) => data)).toEqual(['first', { id: 1 }]);
  });

  it('takes data without the member, and data that is no object, for one value', async () => {
    const world = new World(2);
    world.begin();
    for (const data of [{ id: 1 }, 'text', { other: 1 }, { id: 1 }, [1]]) world.deliver(data);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(world.sent.map(({ data }) => data)).toEqual([{ id: 1 }, { id: 1 }, [1]]);
    judge(world.sent, 5);
  });

  it('is told by one gap for each time that it falls behind, where it did not ask', async () => {
    const world = new World(2, { isAsked: false, conflateBy: '' });
    world.begin();
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 4; n++) world.deliver({ n });
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(world.sent.map(({ type }) => type)).toEqual(['message', 'gap', 'message', 'message', 'gap', 'message']);
    expect(world.sent[1]).toMatchObject({ reason: 'conflated', after: offsetAt(1), offset: offsetAt(3) });
    expect(world.sent[4]).toMatchObject({ reason: 'conflated', after: offsetAt(5), offset: offsetAt(7) });
  });

  it('is sent what waits before a gap of another kind', () => {
    const world = new World(2);
    world.begin();
    for (let n = 0; n < 3; n++) world.deliver({ id: n });
    const gap = { type: 'gap', channel: 'tick:1', after: offsetAt(3), offset: offsetAt(9), reason: 'lost' } as const;
    world.fed.gap(gap, () => undefined);
    expect(world.sent.map(({ type }) => type)).toEqual(['message', 'message', 'message', 'gap']);
    world.feed.end();
  });
});

describe('what a link has waiting for its limits', () => {
  const MIB = 1024 * 1024;

  it('is bounded over all of its channels together, and told truly', async () => {
    const held = { bytes: 0 };
    const channels = Array.from({ length: 20 }, () => new World(1, { held }));
    for (const channel of channels) channel.beginWith(100, 10_000);
    expect(held.bytes).toBeGreaterThan(MIB / 2);
    // Each channel has its newest, whatever the others have.
    expect(held.bytes).toBeLessThan(MIB + channels.length * 10_200);
    await vi.advanceTimersByTimeAsync(200_000);
    for (const channel of channels) judge(channel.sent, channel.count);
    expect(held.bytes).toBe(0);
  });

  it('is let go of with the link', () => {
    const held = { bytes: 0 };
    const world = new World(1, { held });
    world.beginWith(10, 10_000);
    expect(held.bytes).toBeGreaterThan(90_000);
    world.feed.end();
    world.feed.end();
    expect(held.bytes).toBe(0);
  });
});
