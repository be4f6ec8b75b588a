// Reads the commands of links: each frame is paid for before it is decoded, and who keeps on over the limit wears out its patience.

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

/** What a link has to pay with, and how often it could not: parts of the link, which has them made by {@link CommandReader.begin}. */
export interface Payer {
  /** Of its own, until it is known whose it is, and where links are counted by themselves. */
  own: RateLimiter | undefined;
  /** Less what passed meanwhile. */
  refusals: number;
  /** By what limits count it besides, once it is known whose it is. */
  readonly keys: SubjectKeys;
  /** Whether a `ping` that came now costs nothing. */
  takeFreePing(): boolean;
}

/** One for the links of a node. */
export class CommandReader {
  readonly #commands: SubjectLimit;

  constructor(commands: SubjectLimit) {
    this.#commands = commands;
  }

  /** Until it is known whose it is, a link counts by itself. */
  begin(payer: Payer): void {
    const { by, config } = this.#commands.limit;
    payer.own = by.length === 0 ? undefined : createRateLimiter(config);
  }

  /** From now on it counts with all that these count, `connect` itself included. Throws `RateLimited` where that is too many. */
  join(payer: Payer, keys: SubjectKeys, nowMs: number): void {
    this.#commands.spend(keys, 1, nowMs);
    // Where each link is counted for itself, it goes on as before.
    if (!this.#commands.limit.by.includes('link')) payer.own = undefined;
  }

  /** Whether the link has gone on for so long that it is to be closed. */
  isExhausted({ refusals }: Payer): boolean {
    return refusals > PATIENCE;
  }

  /** By the steady clock. A bad frame costs a unit, a good one what it asks for; a ping nothing where its payer has a free one. */
  read(payer: Payer, text: string, nowMs: number, features?: readonly Feature[]): ClientCommand | RefusedFrame {
    try {
      const price = textPrice(text.length, this.#commands.limit.config);
      this.#spend(payer, price, nowMs, price);
    } catch (error) {
      const ping = text.length <= MAX_PING_LENGTH ? decodeCommand(text, features) : undefined;
      if (ping?.ok && ping.value.type === 'ping' && payer.takeFreePing()) return ping.value;
      payer.refusals++;
      return { type: 'refused', id: commandId(text), error };
    }
    // Not forgotten at once: under a flood as many pass as the limit allows.
    if (payer.refusals > 0) payer.refusals--;
    const decoded = decodeCommand(text, features);
    if (!decoded.ok) {
      const { id, code, message, channel } = decoded.problem;
      return { type: 'refused', id, error: new FanfareError(code, message, channel ? { channels: [channel] } : {}) };
    }
    try {
      const isFree = decoded.value.type === 'ping' && payer.takeFreePing();
      this.#settle(payer, isFree ? 0 : costOf(decoded.value), nowMs);
      return decoded.value;
    } catch (error) {
      payer.refusals++;
      return { type: 'refused', id: decoded.value.id, error };
    }
  }

  /** The unit that was spent counts towards `cost`. */
  #settle(payer: Payer, cost: number, nowMs: number): void {
    if (cost > 1) this.#spend(payer, cost - 1, nowMs, cost);
    else {
      this.#commands.settle(payer.keys, cost, nowMs, nowMs);
      payer.own?.giveBack(1 - cost, nowMs);
    }
  }

  #spend({ keys, own }: Payer, cost: number, nowMs: number, asked: number): void {
    this.#commands.spend(keys, cost, nowMs, asked);
    if (own === undefined || own.take(cost, nowMs).allowed) return;
    const { name, config } = this.#commands.limit;
    throw refusalOf(name, config, asked, own.peek(asked, nowMs));
  }
}

/** A subscribe costs a tenth of a unit for each channel, everything else one. */
function costOf(command: ClientCommand): number {
  return command.type === 'subscribe' ? command.channels.size / 10 : 1;
}
