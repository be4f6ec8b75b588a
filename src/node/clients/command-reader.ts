// Reads the commands of one link: each frame is paid for before it is decoded, and who keeps on over the limit wears out its patience.

import { FanfareError } from '../../lib/errors.js';
import { textPrice } from '../../limits/byte-price.js';
import { createRateLimiter } from '../../limits/create-rate-limiter.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';
import { refusalOf, type SubjectKeys, type SubjectLimit } from '../../limits/subject-limit.js';
import { type ClientCommand, commandId, decodeCommand, type Feature } from '../../protocol/index.js';

/** Chosen: refusals, less what passed meanwhile, after which a link is closed. */
const PATIENCE = 200;
/** Chosen: a frame that is no longer is looked at where nothing is left, because a sign of life is free. */
const MAX_PING_LENGTH = 256;

/** A frame that brought no command that is run. */
export interface RefusedFrame {
  readonly type: 'refused';
  /** The command's, where it could be told. */
  readonly id: number | undefined;
  readonly error: unknown;
}

/** Made on a link's first frame. Until it is known whose it is, it counts by itself. */
export class CommandReader {
  readonly #commands: SubjectLimit;
  #own: RateLimiter | undefined;
  #keys: SubjectKeys | undefined;
  #refusals = 0;

  constructor(commands: SubjectLimit) {
    this.#commands = commands;
    const { by, config } = commands.limit;
    this.#own = by.length === 0 ? undefined : createRateLimiter(config);
  }

  /** From now on it counts with all that these count, `connect` itself included. Throws `RateLimited` where that is too many. */
  join(keys: SubjectKeys, nowMs: number): void {
    this.#commands.spend(keys, 1, nowMs);
    this.#keys = keys;
    // Where each link is counted for itself, it goes on as before.
    if (!this.#commands.limit.by.includes('link')) this.#own = undefined;
  }

  /** Whether the link has gone on for so long that it is to be closed. */
  get isExhausted(): boolean {
    return this.#refusals > PATIENCE;
  }

  /** By the steady clock. A bad frame costs a unit, a good one what it asks for; a ping nothing where `takeFreePing` says so. */
  read(
    text: string,
    nowMs: number,
    features?: readonly Feature[],
    takeFreePing: () => boolean = () => false,
  ): ClientCommand | RefusedFrame {
    try {
      const price = textPrice(text.length, this.#commands.limit.config);
      this.#spend(price, nowMs, price);
    } catch (error) {
      const ping = text.length <= MAX_PING_LENGTH ? decodeCommand(text, features) : undefined;
      if (ping?.ok && ping.value.type === 'ping' && takeFreePing()) return ping.value;
      this.#refusals++;
      return { type: 'refused', id: commandId(text), error };
    }
    // Not forgotten at once: under a flood as many pass as the limit allows.
    if (this.#refusals > 0) this.#refusals--;
    const decoded = decodeCommand(text, features);
    if (!decoded.ok) {
      const { id, code, message, channel } = decoded.problem;
      return { type: 'refused', id, error: new FanfareError(code, message, channel ? { channels: [channel] } : {}) };
    }
    try {
      const isFree = decoded.value.type === 'ping' && takeFreePing();
      this.#settle(isFree ? 0 : costOf(decoded.value), nowMs);
      return decoded.value;
    } catch (error) {
      this.#refusals++;
      return { type: 'refused', id: decoded.value.id, error };
    }
  }

  /** The unit that was spent counts towards `cost`. */
  #settle(cost: number, nowMs: number): void {
    if (cost > 1) this.#spend(cost - 1, nowMs, cost);
    else {
      if (this.#keys !== undefined) this.#commands.settle(this.#keys, cost, nowMs, nowMs);
      this.#own?.giveBack(1 - cost, nowMs);
    }
  }

  #spend(cost: number, nowMs: number, asked: number): void {
    if (this.#keys !== undefined) this.#commands.spend(this.#keys, cost, nowMs, asked);
    const own = this.#own;
    if (own === undefined || own.take(cost, nowMs).allowed) return;
    const { name, config } = this.#commands.limit;
    throw refusalOf(name, config, asked, own.peek(asked, nowMs));
  }
}

/** A subscribe costs a tenth of a unit for each channel, everything else one. */
function costOf(command: ClientCommand): number {
  return command.type === 'subscribe' ? command.channels.size / 10 : 1;
}
