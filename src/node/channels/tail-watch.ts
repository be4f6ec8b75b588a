// Compares the tails of quiet channels with the log in the background: pub/sub can lose the last message of a channel.

import type { Broker } from '../../broker/broker.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import type { Channel } from './channel.js';

const EVERY_MS = 1_000;
/** Specified: channels compared per second and node. */
const MAX_PER_ROUND = 2_000;
/** Channels asked about in one go. */
const BATCH = 500;
/** A channel that delivered something of its log this lately is compared by its next message. Live-only messages compare nothing. */
const QUIET_MS = 1_000;

/** Owns its timer; one round at a time. */
export class TailWatch {
  readonly #broker: Broker;
  readonly #channels: () => Iterable<Channel>;
  #timer: PeriodicTask | undefined;
  #busy = false;
  /** The rest of the current walk over all channels. */
  #walk: Iterator<Channel> | undefined;
  /** Channels that were found behind: one that stays behind for many rounds is one. */
  found = 0;
  readonly #behind = new WeakSet<Channel>();
  /** Channels for which the bus came back when they could not be compared: tried in each round. */
  readonly #owed = new Set<Channel>();
  #isRetrying = false;

  constructor(broker: Broker, channels: () => Iterable<Channel>) {
    this.#broker = broker;
    this.#channels = channels;
  }

  start(): void {
    this.stop();
    this.#timer = periodically(EVERY_MS, () => this.round(monotonicNowMs())).unref();
  }

  stop(): void {
    this.#timer?.stop();
  }

  /** Compares the next quiet channels, and what is owed; a channel whose tail is elsewhere reads its log. */
  async round(nowMs: number): Promise<void> {
    await Promise.all([this.#walkOn(nowMs), this.#retry()]);
  }

  /** Compares these channels now, the busiest first; where that cannot be, as soon as it can. */
  async compareNow(channels: readonly Channel[]): Promise<void> {
    await this.#compareAll(channels.toSorted((a, b) => b.deliveredAtMs - a.deliveredAtMs));
  }

  async #walkOn(nowMs: number): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#compare(this.#next(nowMs));
    } catch {
      // The broker is away; its return brings a comparison of its own.
    } finally {
      this.#busy = false;
    }
  }

  async #retry(): Promise<void> {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    const owed = [...this.#owed];
    this.#owed.clear();
    await this.#compareAll(owed);
    this.#isRetrying = false;
  }

  /** A batch at a time, so that no other command waits for long. What cannot be compared is owed. */
  async #compareAll(channels: readonly Channel[]): Promise<void> {
    for (let begin = 0; begin < channels.length; begin += BATCH) {
      const batch = channels.slice(begin, begin + BATCH).filter((channel) => channel.isOpen);
      try {
        this.#owe(await this.#compare(batch));
      } catch {
        // Commands do not reach that part of the broker. Others may, and have their turn before these.
        this.#owe(channels.slice(begin + BATCH));
        return this.#owe(batch);
      }
    }
  }

  #owe(channels: readonly Channel[]): void {
    for (const channel of channels) this.#owed.add(channel);
  }

  /** Answers those of which nothing is known, since their part of the broker is away. */
  async #compare(channels: readonly Channel[]): Promise<readonly Channel[]> {
    if (channels.length === 0) return [];
    const before = channels.map((channel) => channel.position);
    const tails = await this.#broker.tails(channels.map((channel) => channel.name));
    for (const [index, channel] of channels.entries()) {
      const tail = tails[index];
      if (tail === channel.position) this.#behind.delete(channel);
      if (tail === channel.position || tail === null || !channel.isOpen) continue;
      // It moved meanwhile, as far at least: the bus is doing its work.
      if (channel.position !== before[index] && channel.position > (tail ?? '')) continue;
      if (!this.#behind.has(channel)) this.found++;
      this.#behind.add(channel);
      void channel.repair();
    }
    return channels.filter((_, index) => tails[index] === null);
  }

  #next(nowMs: number): readonly Channel[] {
    const chosen: Channel[] = [];
    this.#walk ??= this.#channels()[Symbol.iterator]();
    while (chosen.length < MAX_PER_ROUND) {
      const next = this.#walk.next();
      if (next.done) {
        this.#walk = undefined;
        break;
      }
      const channel = next.value;
      if (channel.isOpen && nowMs - channel.loggedAtMs > QUIET_MS) chosen.push(channel);
    }
    return chosen;
  }
}
