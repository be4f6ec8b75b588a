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

/** Whether a link's end says that its node failed: not where this client was too slow, over a limit, or its ticket had ended. */
export const isNodesFault = ({ close, code }: Failure): boolean => code !== 'offline' && (close < 4002 || close > 4005);

/** Whether it is no more the user whom the client was for. */
export const isOut = ({ code }: Failure): boolean => code === 'logged_out' || code === 'user_changed';

/** Whether nothing is left to be tried; `canHeal` where another token may come. */
const isOver = (before: ConnectionState, failure: Failure, node: string | undefined, canHeal: boolean): boolean => {
  if (failure.close !== CLOSE_UNAUTHORIZED) return isFinal(failure) || isOut(failure);
  // A ticket that one node refuses may be good at another.
  return !canHeal && !!before.renewed && (!node || before.exclude.includes(node));
};

/**
 * After a loss: `waiting`, or `closed` where the failure is final. `before` is `INITIAL` where the link had lasted.
 * `node` is the one that failed, if any.
 */
export const lose = (
  before: ConnectionState,
  failure: Failure,
  node: string | undefined,
  random: number,
  canHeal = false,
): ConnectionState => {
  const { close, code } = failure;
  if (isOver(before, failure, node, canHeal))
    return { ...before, state: { type: 'closed', code: close, reason: code } };
  const retryInMs = backoff(before.failures, random, failure);
  return {
    state: { type: 'waiting', retryInMs, cause: code },
    failures: before.failures + 1,
    renewed: before.renewed || close === CLOSE_UNAUTHORIZED,
    exclude: [(isNodesFault(failure) && node) || [], before.exclude].flat().slice(0, MAX_EXCLUDED),
  };
};
