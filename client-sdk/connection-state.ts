// What a connection becomes when something happens to it: pure.

import { backoff } from './backoff.js';
import { type Failure, isFinal } from './errors.js';
import { CLOSE_UNAUTHORIZED, MAX_EXCLUDED } from './numbers.js';
import type { ClientState } from './types.js';

export interface ConnectionState {
  readonly state: ClientState;
  /** Losses in a row. */
  readonly failures: number;
  /** A fresh ticket was already tried against `unauthorized`. */
  readonly renewed?: boolean;
  /** Nodes that failed lately, the last one first; a hint for discovery. */
  readonly exclude: readonly string[];
}

export const INITIAL: ConnectionState = { state: { type: 'idle' }, failures: 0, exclude: [] };

/**
 * After a loss: `waiting`, or `closed` where the failure is final. `before` is `INITIAL` where the link had lasted.
 * `node` is the one that failed, if any.
 */
export const lose = (
  before: ConnectionState,
  failure: Failure,
  node: string | undefined,
  random: number,
): ConnectionState => {
  const { close, code } = failure;
  const unauthorized = close === CLOSE_UNAUTHORIZED;
  if (isFinal(failure) && (!unauthorized || before.renewed)) {
    return { ...before, state: { type: 'closed', code: close, reason: code } };
  }
  return {
    state: { type: 'waiting', retryInMs: backoff(before.failures, random, failure.retryAfterMs), cause: code },
    failures: before.failures + 1,
    renewed: before.renewed || unauthorized,
    exclude: [node ?? [], before.exclude].flat().slice(0, MAX_EXCLUDED),
  };
};
