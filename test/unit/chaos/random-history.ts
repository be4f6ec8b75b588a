// Makes a random history that keeps every promise: clients come and go, history is trimmed, lost and stored again.

import { formatOffset } from '../../../src/protocol/index.js';
import type { HistoryEvent } from '../../chaos/history.js';
import { HistoryBuilder } from '../../chaos/judge-builder.js';
import type { History } from '../../chaos/judge-history.js';
import { Random } from '../../support/random.js';

export interface Recipe {
  readonly seed: number;
  readonly ticks: number;
  readonly channels: number;
  readonly clients: number;
  /** Whether there are failovers and FLUSHALLs. */
  readonly damage: boolean;
}

const TICK_MS = 100;
const SHORT_SIZE = 5;
const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'];

interface Stored {
  readonly offset: string;
  readonly value: string;
  readonly t: number;
}

interface Feed {
  readonly name: string;
  readonly historySize: number;
  log: Stored[];
  /** What was trimmed, newest last: a replica that lags still holds some of it. */
  trimmed: Stored[];
  /** The position before the first entry of the log. */
  origin: string;
  begin: string;
  tail: string;
}

interface Retry {
  readonly feed: Feed;
  readonly value: string;
  readonly at: number;
}

class Simulation {
  readonly builder = new HistoryBuilder();
  readonly #random: Random;
  readonly #feeds: readonly Feed[];
  readonly #positions: readonly Map<Feed, string>[];
  readonly #awayUntil: number[];
  #retries: Retry[] = [];
  #now = 1_000_000;
  #tag = 1;
  #values = 0;
  #faults = 0;

  constructor({ seed, channels, clients }: Recipe) {
    this.#random = new Random(seed);
    this.#feeds = Array.from({ length: channels }, (_, n): Feed => {
      const origin = formatOffset(this.#now - 1, 0);
      const historySize = n % 3 === 2 ? SHORT_SIZE : 1_000_000;
      return { name: `channel-${n}`, historySize, log: [], trimmed: [], origin, begin: origin, tail: origin };
    });
    this.#positions = Array.from({ length: clients }, () => new Map(this.#feeds.map((feed) => [feed, '-1'])));
    this.#awayUntil = Array.from({ length: clients }, () => 0);
    for (const [n, positions] of this.#positions.entries()) {
      this.#connected(n);
      for (const { name: channel } of positions.keys()) {
        this.#add({ kind: 'invoke', f: 'subscribe', client: `client-${n}`, channel, offset: '-1' });
      }
    }
  }

  tick(isDamaging: boolean): void {
    this.#now += TICK_MS;
    for (const feed of this.#feeds) {
      for (let count = this.#random.below(3); count > 0; count--) this.#publish(feed);
    }
    const due = this.#retries.filter(({ at }) => at <= this.#now);
    this.#retries = this.#retries.filter(({ at }) => at > this.#now);
    for (const { feed, value } of due) this.#store(feed, value, true);
    if (isDamaging && this.#random.chance(0.004)) this.#fault();
    for (let n = 0; n < this.#positions.length; n++) this.#client(n);
  }

  finish(): History {
    this.#now += 60_000;
    for (const { feed, value } of this.#retries) this.#store(feed, value, true);
    for (let n = 0; n < this.#positions.length; n++) this.#catchUp(n);
    for (const { name: channel, historySize, log, tail } of this.#feeds) {
      const entries = log.map(({ offset, value }): [string, string] => [offset, value]);
      this.#add({ kind: 'ok', f: 'log', channel, historySize, tail, entries });
    }
    return this.builder.finish();
  }

  #add(
    event: HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 't' | 'process'> : never) : never,
  ): void {
    this.builder.add({ t: this.#now, process: 'simulation', ...event });
  }

  #connected(n: number): void {
    const transport = TRANSPORTS[n % TRANSPORTS.length] ?? '';
    this.#add({ kind: 'info', f: 'state', client: `client-${n}`, state: 'connected', transport });
  }

  #publish(feed: Feed): void {
    const value = `v${this.#values++}`;
    const by = this.#random.pick(['fcall', 'http', 'queue'] as const);
    this.#add({ kind: 'invoke', f: 'publish', channel: feed.name, value, by, key: value });
    if (this.#random.chance(0.01)) {
      this.#add({ kind: 'fail', f: 'publish', channel: feed.name, value });
    } else if (by === 'queue') {
      this.#store(feed, value, false);
      this.#add({ kind: 'ok', f: 'publish', channel: feed.name, value });
    } else if (this.#random.chance(0.05)) {
      // Its answer is lost on the way, and it is repeated.
      if (this.#random.chance(0.5)) this.#store(feed, value, false);
      if (this.#random.chance(0.2)) this.#add({ kind: 'info', f: 'publish', channel: feed.name, value });
      else this.#retries.push({ feed, value, at: this.#now + 300 });
    } else this.#store(feed, value, true);
  }

  #store(feed: Feed, value: string, isAcknowledged: boolean): void {
    let offset = this.#keys.get(value);
    if (offset === undefined) {
      offset = this.#mint(feed.tail);
      this.#keys.set(value, offset);
      feed.log.push({ offset, value, t: this.#now });
      feed.tail = offset;
      trim(feed);
    }
    if (isAcknowledged) this.#add({ kind: 'ok', f: 'publish', channel: feed.name, value, offset });
  }

  readonly #keys = new Map<string, string>();

  #mint(tail: string): string {
    const first = formatOffset(this.#now, this.#tag * 2 ** 20);
    if (first > tail) return first;
    const [ms, seq] = tail.split('-');
    return formatOffset(Number(ms), Number(seq) + 1);
  }

  #fault(): void {
    const number = ++this.#faults;
    const damage = this.#random.pick(['tail', 'all'] as const);
    const fault = { kind: 'info', f: 'fault', number, fault: damage, damage, detail: 'it was seen' } as const;
    this.#add({ ...fault, phase: 'inject' });
    this.#now += 1_000;
    if (damage === 'tail') this.#tag++;
    for (const feed of this.#feeds) {
      const from = damage === 'all' ? 0 : this.#now - 1_000 - this.#random.below(500);
      const lost = feed.log.filter(({ t }) => t >= from);
      for (const { value } of lost) this.#keys.delete(value);
      feed.log = [...feed.trimmed, ...feed.log].filter(({ t }) => t < from);
      feed.trimmed = [];
      feed.origin = feed.begin;
      trim(feed);
      feed.tail = feed.log.at(-1)?.offset ?? feed.origin;
      if (damage === 'all') {
        feed.begin = this.#mint('');
        feed.origin = feed.begin;
        feed.tail = feed.begin;
      }
    }
    this.#add({ ...fault, phase: 'heal' });
    this.#add({ ...fault, phase: 'recovered' });
  }

  #client(n: number): void {
    if (this.#now < (this.#awayUntil[n] ?? 0)) return;
    if (this.#awayUntil[n] !== 0) this.#connected(n);
    this.#awayUntil[n] = 0;
    if (this.#random.chance(0.8)) this.#catchUp(n);
    if (this.#random.chance(0.03)) this.#awayUntil[n] = this.#now + this.#random.below(3_000);
  }

  #catchUp(n: number): void {
    const positions = this.#positions[n] ?? new Map<Feed, string>();
    const client = `client-${n}`;
    for (const [feed, after] of positions) {
      const { start, reason } = begins(feed, after);
      const channel = feed.name;
      if (reason !== undefined) this.#add({ kind: 'ok', f: 'gap', client, channel, after, offset: start, reason });
      let position = start;
      for (const { offset, value } of feed.log) {
        if (offset <= start) continue;
        this.#add({ kind: 'ok', f: 'deliver', client, channel, offset, value });
        position = offset;
      }
      positions.set(feed, position);
    }
  }
}

function trim(feed: Feed): void {
  const { log, trimmed, historySize } = feed;
  if (log.length <= historySize) return;
  trimmed.push(...log.splice(0, log.length - historySize));
  feed.origin = trimmed.at(-1)?.offset ?? '';
}

/** Where reading begins, as the broker judges it. */
function begins({ log, origin, begin, tail }: Feed, after: string): { start: string; reason?: string } {
  if (after === '-1') return { start: origin };
  if (after === tail || after === origin || log.some(({ offset }) => offset === after)) return { start: after };
  if (after < begin) return { start: origin, reason: 'lost' };
  if (after < origin) return { start: origin, reason: 'trimmed' };
  const kept = log.findLast(({ offset }) => offset <= after && offset.slice(14, 21) === after.slice(14, 21));
  return { start: kept?.offset ?? origin, reason: 'rewritten' };
}

export function randomHistory(recipe: Recipe): History {
  const simulation = new Simulation(recipe);
  for (let tick = 0; tick < recipe.ticks; tick++) simulation.tick(recipe.damage);
  return simulation.finish();
}
