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
  /** Channels that are to be compared before all others, in their order: the bus has come back for them. */
  readonly #owed = new Set<Channel>();
  #isSettling = false;

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

  /** Compares what is owed, and the next quiet channels; a channel whose tail is elsewhere reads its log. */
  async round(nowMs: number): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#settle();
      await this.#compare(this.#next(nowMs));
    } catch {
      // The broker is away; its return brings a comparison of its own.
    } finally {
      this.#busy = false;
    }
  }

  /** Compares these channels now, the busiest first; where that cannot be, before all others as soon as it can. */
  async compareNow(channels: readonly Channel[]): Promise<void> {
    for (const channel of channels.toSorted((a, b) => b.deliveredAtMs - a.deliveredAtMs)) this.#owed.add(channel);
    await this.#settle();
  }

  /** A batch at a time, so that no other command waits for long. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    const unknown: Channel[] = [];
    try {
      while (this.#owed.size > 0) unknown.push(...(await this.#settleSome()));
    } catch {
      // Commands do not reach the broker: the next round tries again.
    } finally {
      for (const channel of unknown) this.#owed.add(channel);
      this.#isSettling = false;
    }
  }

  /** Answers those of which nothing is known yet. */
  async #settleSome(): Promise<readonly Channel[]> {
    const batch: Channel[] = [];
    for (const channel of this.#owed) {
      if (batch.length === BATCH) break;
      // Before it is compared: the bus may come back once more while it is.
      this.#owed.delete(channel);
      if (channel.isOpen) batch.push(channel);
    }
    try {
      return await this.#compare(batch);
    } catch (error) {
      for (const channel of batch) this.#owed.add(channel);
      throw error;
    }
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
