// Frames are paid for before they are decoded, by link, ticket and user; and the patience with a link that is over its limit.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { type SubjectKeys, SubjectLimit } from '../../../src/limits/subject-limit.js';
import { CommandReader, type Payer } from '../../../src/node/clients/command-reader.js';
import { testLimits } from '../../support/limits.js';

const RATE = { perSecond: 20, burst: 40 };
const NOW_MS = 1_000_000;
const commands = () => new SubjectLimit(testLimits({ commands: RATE, publishes: RATE, polls: RATE }).commands);
const unsubscribe = (id = 1) => JSON.stringify({ type: 'unsubscribe', id, channels: ['x'] });
const subscribe = (count: number, id = 1) => {
  const channels = Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, 'now']));
  return JSON.stringify({ type: 'subscribe', id, channels });
};

/** What a link is to the reader of its node. */
function linkOf(limit = commands()) {
  const reader = new CommandReader(limit);
  let keys: SubjectKeys = {};
  const payer: Payer = {
    own: undefined,
    refusals: 0,
    get keys() {
      return keys;
    },
    takeFreePing: () => false,
  };
  reader.begin(payer);
  return {
    read: (text: string, nowMs: number) => reader.read(payer, text, nowMs),
    join: (joined: SubjectKeys, nowMs: number) => {
      reader.join(payer, joined, nowMs);
      keys = joined;
    },
    isExhausted: () => reader.isExhausted(payer),
  };
}

/** Spends at a steady rate; answers after how many seconds the patience ends, `undefined` when it does not. */
function flood(perSecond: number, seconds: number): number | undefined {
  const reader = linkOf();
  for (let n = 0; n < perSecond * seconds; n++) {
    reader.read(unsubscribe(), NOW_MS + (n * 1_000) / perSecond);
    if (reader.isExhausted()) return n / perSecond;
  }
  return undefined;
}

/** How many of a burst pass. */
function passing(reader: ReturnType<typeof linkOf>, text: string, count: number): number {
  let passed = 0;
  for (let n = 0; n < count; n++) if (reader.read(text, NOW_MS).type !== 'refused') passed++;
  return passed;
}

describe('a reader of commands', () => {
  afterEach(() => vi.restoreAllMocks());

  it('loses patience with whoever stays far over the limit, although some of the commands pass', () => {
    expect(flood(1_000, 5)).toBeLessThan(1);
    expect(flood(100, 20)).toBeLessThan(10);
  });

  it('bears a client that is a little over the limit, and bursts', () => {
    expect(flood(25, 60)).toBeUndefined();
    const reader = linkOf();
    for (let second = 0; second < 20; second++) {
      for (let n = 0; n < 30; n++) reader.read(unsubscribe(), NOW_MS + second * 10_000);
    }
    expect(reader.isExhausted()).toBe(false);
  });

  it('takes a tenth of a unit for each channel of a subscribe, and one for anything else', () => {
    expect(passing(linkOf(), unsubscribe(), 100)).toBe(40);
    // The unit that comes first has to be there, and counts.
    expect(passing(linkOf(), subscribe(1), 1_000)).toBe(391);
    expect(passing(linkOf(), subscribe(100), 100)).toBe(4);
    expect(passing(linkOf(), '{', 100)).toBe(0);
  });

  it('decodes no long frame that is over the limit, and names its command all the same', () => {
    const reader = linkOf();
    passing(reader, unsubscribe(), 40);
    const parse = vi.spyOn(JSON, 'parse');
    const long = JSON.stringify({ type: 'publish', id: 77, channel: 'x', data: 'y'.repeat(60_000) });
    expect(reader.read(long, NOW_MS)).toMatchObject({ type: 'refused', id: 77, error: { code: 'rate_limited' } });
    expect(reader.read(`[${'1,'.repeat(30_000)}1]`, NOW_MS)).toMatchObject({ type: 'refused', id: undefined });
    expect(parse).not.toHaveBeenCalled();
  });

  it('says when all of what was asked for passes', () => {
    const reader = linkOf();
    passing(reader, subscribe(100), 3);
    const refused = reader.read(subscribe(128, 5), NOW_MS);
    expect(refused).toMatchObject({ type: 'refused', id: 5, error: { code: 'rate_limited' } });
    const { retryAfterMs } = (refused as { error: { retryAfterMs: number } }).error;
    expect(retryAfterMs).toBeLessThanOrEqual(200);
    expect(reader.read(subscribe(128), NOW_MS + retryAfterMs).type).toBe('subscribe');
  });

  it('gives the links of one ticket one budget, and those of a user five', () => {
    const limit = commands();
    const connected = (ticket: string, user: string | undefined) => {
      const reader = linkOf(limit);
      reader.join({ ticket, user }, NOW_MS);
      return reader;
    };
    const burst = (ticket: string, user: string) => passing(connected(ticket, user), unsubscribe(), 100);
    // The connect itself is the first of the forty.
    expect(burst('t1', 'anna')).toBe(39);
    expect(() => connected('t1', 'anna')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    expect(['t2', 't3', 't4', 't5'].map((ticket) => burst(ticket, 'anna'))).toEqual([39, 39, 39, 39]);
    expect(() => connected('t6', 'anna')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    expect(burst('t7', 'ben')).toBe(39);
  });
});
