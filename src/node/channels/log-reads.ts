// How a node reads logs: how many reads may be in flight for which reason, and what their readers share.

import type { Broker } from '../../broker/broker.js';
import { FanfareError } from '../../lib/errors.js';
import { Turns, type WaitLimit } from '../../lib/turns.js';
import { type ReadTurns, SharedReads } from './shared-reads.js';

/**
 * Chosen: reads of logs in flight that bring channels back to their logs. They have turns of their own: thousands of them keep
 * nobody waiting who opens another channel.
 */
const MAX_REPAIRS = 32;
/** Chosen: all other reads in flight; with 20 ms to Redis and back, that many allow 12,800 channels to be opened per second. */
const MAX_READS = 256;
/**
 * Chosen: reads in flight that have failed before. When the broker is back they are thousands in one moment: who comes then for
 * the first time, and what is published, is not to wait behind them.
 */
const MAX_RETRIES = 64;
/** Chosen: how long a poll's read waits for its turn, and behind how many; a client that is refused asks again. */
const POLL_WAIT: WaitLimit = {
  maxWaiting: 10_000,
  longestWaitMs: 2_000,
  refusal: () => new FanfareError('broker_unavailable', 'too many reads of logs wait', { retryAfterMs: 2_000 }),
};
/** Chosen: a read that takes longer waits for something that hangs, as one master of a Cluster may; the others need not. */
const SLOW_READ_MS = 250;

export interface LogReads extends ReadTurns {
  /** Bounds the reads in flight that bring the node's channels back to their logs. */
  readonly repairs: Turns;
  /** What those who read channels have in common of all others. */
  readonly shared: SharedReads;
  /** The same of polls, apart: they wait for a turn for a while only. */
  readonly sharedByPolls: SharedReads;
}

/** One for a node. */
export function createLogReads(broker: Pick<Broker, 'read'>): LogReads {
  const repairs = new Turns(MAX_REPAIRS, SLOW_READ_MS);
  const reads = new Turns(MAX_READS, SLOW_READ_MS);
  const retries = new Turns(MAX_RETRIES, SLOW_READ_MS);
  const shared = new SharedReads(broker, { reads, retries });
  return { repairs, reads, retries, shared, sharedByPolls: new SharedReads(broker, { reads, retries }, POLL_WAIT) };
}
