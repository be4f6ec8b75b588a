// The seam between a node and what deletes the history of a channel.

import type { Offset } from '../protocol/index.js';

/** What became of a history. */
export interface Erasure {
  /** Where the channel begins now, behind all that it ever held. */
  readonly begin: Offset;
  /** Subscriptions to the channel that were told. */
  readonly told: number;
}

/** A broker that can. */
export interface ErasingBroker {
  readonly eraser: HistoryEraser;
}

/** Deletes histories. Methods throw as those of `Broker` do. */
export interface HistoryEraser {
  /**
   * Deletes all that the channel holds, as one atomic step, and has every listener that is subscribed to it told: each position before
   * is `lost` from then on.
   */
  erase(channel: string): Promise<Erasure>;
  /** `node` holds nothing any more of what came before `begin`. */
  forgot(channel: string, begin: Offset, node: string): Promise<void>;
  /** The nodes of which that is known, for a minute. */
  whoForgot(channel: string, begin: Offset): Promise<readonly string[]>;
}
