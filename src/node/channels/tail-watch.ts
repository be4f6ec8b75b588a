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

  /** Compares the next quiet channels; a channel whose tail is elsewhere reads its log. */
  async round(nowMs: number): Promise<void> {
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

  /** Compares these channels now, the busiest first, a batch at a time so that no other command waits for long. */
  async compareNow(channels: readonly Channel[]): Promise<void> {
    const busiestFirst = channels.toSorted((a, b) => b.deliveredAtMs - a.deliveredAtMs);
    try {
      for (let begin = 0; begin < busiestFirst.length; begin += BATCH) {
        await this.#compare(busiestFirst.slice(begin, begin + BATCH).filter((channel) => channel.isOpen));
      }
    } catch {
      // The broker went away again: the rest is compared at its next return, or by the rounds.
    }
  }

  async #compare(channels: readonly Channel[]): Promise<void> {
    if (channels.length === 0) return;
    const before = channels.map((channel) => channel.position);
    const tails = await this.#broker.tails(channels.map((channel) => channel.name));
    for (const [index, channel] of channels.entries()) {
      const tail = tails[index];
      if (tail === channel.position) this.#behind.delete(channel);
      // Where its part of the broker is away, nothing is known.
      if (tail === channel.position || tail === null || !channel.isOpen) continue;
      // It moved meanwhile, as far at least: the bus is doing its work.
      if (channel.position !== before[index] && channel.position > (tail ?? '')) continue;
      if (!this.#behind.has(channel)) this.found++;
      this.#behind.add(channel);
      void channel.repair();
    }
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
