// A page is fetched, and what comes after it is subscribed to, while somebody publishes: no hole between the two, and no double.

import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CHANNEL_FEEDS } from '../support/channel-feeds.js';
import { FEEDS, type Feed } from '../support/feed.js';
import { type GetOptions, get, nextPage } from '../support/http-get.js';
import { Random } from '../support/random.js';
import { ChannelWorld, ROADS } from './channel-world.js';

/** In all cells together; 1,000 by hand. */
const RUNS = Number(process.env.FANFARE_TEST_FETCHES ?? 120);
const SEED = Number(process.env.FANFARE_TEST_SEED ?? 20261127);
const AT_ONCE = 8;
/** Of each run: behind the page. */
const FOLLOWED = 10;
/** Messages that may come while a run is under way: history, which has 1,000, is to hold what its first page leaves. */
const AHEAD = 200;
const CHANNEL = 'pub:log';
const READS = { key: 'key-of-the-tests-reads-0123456789', patterns: ['pub:*'], rights: ['read'] } as const;

describe.each(ROADS)('a fetch, then a subscription, on the $engine engine and the $kind broker, $road', (cell) => {
  const world = new ChannelWorld(cell, { options: { publishKeys: [READS] } });

  /** Everybody's, a user's, and a backend's. */
  const readers = (): readonly GetOptions[] => [{}, { ticket: world.node.ticket() }, { ticket: READS.key }];
  const ways: Readonly<Record<string, (after: string) => Feed>> = {
    ...Object.fromEntries(
      Object.entries(FEEDS).map(([name, open]) => [
        name,
        (after: string) => open({ url: world.node.url, ticket: world.node.ticket() }, { [CHANNEL]: after }),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(CHANNEL_FEEDS).map(([name, open]) => [name, (after: string) => open(world.url, CHANNEL, after)]),
    ),
  };

  /** The first page, or more of them, and the position behind. */
  async function fetched(random: Random): Promise<{ readonly seen: number[]; readonly offset: string }> {
    const seen: number[] = [];
    const options = random.pick(readers());
    let offset = '';
    let pages = 1 + random.below(3);
    for (
      let path: string | undefined =
        `/v1/channels/${CHANNEL}?${random.pick(['offset=-1', 'last=5', 'last=300', 'offset=now'])}`;
      path !== undefined && pages > 0;
      pages--
    ) {
      const answer = await get(world.url, path, options);
      expect(answer.status).toBe(200);
      seen.push(...JSON.parse(answer.text));
      offset = answer.headers['stream-next-offset'] ?? '';
      path = nextPage(path, answer);
    }
    return { seen, offset };
  }

  async function run(random: Random, publish: () => Promise<void>): Promise<void> {
    const { seen, offset } = await fetched(random);
    if (random.chance(0.5)) await publish();
    const [way, open] = random.pick(Object.entries(ways));
    const feed = open(offset);
    try {
      for (let n = 0; n < FOLLOWED; n++) {
        const event = await feed.events.nextOf('message', 'gap', 'refused', 'closed');
        expect([way, event.type]).toEqual([way, 'message']);
        seen.push(Number(event.data));
      }
    } finally {
      feed.close();
    }
    const first = seen[0] ?? 0;
    expect([way, seen]).toEqual([way, Array.from({ length: seen.length }, (_, n) => first + n)]);
  }

  it('has no hole and no double', { timeout: 600_000 }, async () => {
    const count = Math.ceil(RUNS / ROADS.length);
    const random = new Random(SEED + ROADS.indexOf(cell));
    let [published, begun, running] = [0, 0, AT_ONCE];
    /** What had been published when each run began that is under way. */
    const begins = new Set<{ readonly at: number }>();
    let turn: Promise<unknown> = Promise.resolve();
    // One after the other, so that the log has them in the order of their numbers.
    const publish = async () => {
      turn = turn.then(() => world.publish(CHANNEL, String(published++)));
      await turn;
    };
    const runner = async () => {
      try {
        while (begun++ < count) {
          const mine = { at: published };
          begins.add(mine);
          await run(random, publish).finally(() => begins.delete(mine));
        }
      } finally {
        running--;
      }
    };
    const publisher = async () => {
      while (running > 0) {
        if ([...begins].every(({ at }) => published - at < AHEAD)) await publish();
        await pause(1);
      }
    };
    await Promise.all([publisher(), ...Array.from({ length: AT_ONCE }, runner)]);
  });
});
