// Readers who go on from one position by another way at each step, by chance: every message once, and in order.

import { describe, expect, it } from 'vitest';
import { openEvents } from '../support/event-reader.js';
import { FEEDS } from '../support/feed.js';
import { Random } from '../support/random.js';
import { ChannelWorld, ROADS } from './channel-world.js';

/** In all cells together; more by hand: 1,000 take some minutes. */
const WALKS = Number(process.env.FANFARE_TEST_WALKS ?? 120);
const AT_ONCE = 10;
const MESSAGES = 15;
const SEED = Number(process.env.FANFARE_TEST_SEED ?? 20261127);
const WAYS = ['page', 'long page', 'events', ...Object.keys(FEEDS)];

class Walk {
  readonly seen: number[] = [];
  readonly ways: string[] = [];
  position = '-1';
  readonly #world: ChannelWorld;
  readonly #channel: string;
  readonly #random: Random;
  #published = 0;

  constructor(world: ChannelWorld, channel: string, random: Random) {
    this.#world = world;
    this.#channel = channel;
    this.#random = random;
  }

  async run(): Promise<void> {
    while (this.seen.length < MESSAGES) {
      await this.#publish(this.#random.below(3));
      const way = this.#random.pick(WAYS);
      this.ways.push(way);
      // Whoever waits is given something to wait for.
      const isBehind = this.#published > this.seen.length;
      const step = this.#step(way);
      if (!isBehind) await this.#publish(1);
      await step;
    }
  }

  async #publish(count: number): Promise<void> {
    for (let n = 0; n < count && this.#published < MESSAGES; n++) {
      await this.#world.publish(this.#channel, String(this.#published++));
    }
  }

  #step(way: string): Promise<void> {
    if (way === 'page') return this.#page('');
    if (way === 'long page') return this.#page('&live=long-poll');
    return way === 'events' ? this.#events() : this.#feed(way);
  }

  /** What caches keep is asked for without one. */
  get #ticket() {
    return this.#channel.startsWith('pub:') ? { ticket: undefined } : { ticket: this.#world.node.ticket() };
  }

  async #page(live: string): Promise<void> {
    const { text, headers } = await this.#world.read(`${this.#channel}?offset=${this.position}${live}`, this.#ticket);
    this.seen.push(...JSON.parse(text));
    this.position = headers['stream-next-offset'] ?? '';
  }

  async #events(): Promise<void> {
    const path = `/v1/channels/${this.#channel}?offset=${this.position}&live=sse`;
    const { events, close } = await openEvents(this.#world.url, path, this.#ticket);
    const { data, id = '' } = await events.nextOf('data');
    this.seen.push(...JSON.parse(data));
    this.position = id;
    close();
  }

  async #feed(way: string): Promise<void> {
    const { url } = this.#world.node;
    const feed = FEEDS[way]?.({ url, ticket: this.#world.node.ticket() }, { [this.#channel]: this.position });
    const { data, offset = '' } = (await feed?.events.nextOf('message', 'gap')) ?? {};
    this.seen.push(Number(data));
    this.position = offset;
    feed?.close();
  }
}

describe.each(ROADS)('walks on the $engine engine and the $kind broker, $road', (cell) => {
  const world = new ChannelWorld(cell);

  it('see everything once and in order', { timeout: 600_000 }, async () => {
    const count = Math.ceil(WALKS / ROADS.length);
    const random = new Random(SEED + ROADS.indexOf(cell));
    let begun = 0;
    const walker = async () => {
      while (begun < count) {
        const walk = new Walk(world, `${cell.road === 'nginx' ? 'pub:' : ''}walk:${begun++}`, random);
        await walk.run();
        expect([walk.ways, walk.seen]).toEqual([walk.ways, Array.from({ length: MESSAGES }, (_, n) => n)]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, walker));
  });
});
