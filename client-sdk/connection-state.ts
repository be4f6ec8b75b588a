// What a connection becomes when something happens to it: a pure reducer.

import { backoff } from './backoff.js';
import { CLOSE_UNAUTHORIZED, type Failure, isFinal } from './errors.js';
import type { ClientState } from './types.js';

export interface ConnectionState {
  readonly state: ClientState;
  /** Losses in a row. */
  readonly failures: number;
  /** A fresh ticket was already tried against `unauthorized`. */
  readonly renewed?: boolean;
  /** Nodes that failed lately; a hint for discovery. */
  readonly exclude: readonly string[];
}

/** A state that is entered as it is, or a loss, of which the reducer decides what follows. */
export type ConnectionEvent = (ClientState & { readonly type: 'connecting' | 'connected' | 'closed' }) | LossEvent;

export interface LossEvent {
  readonly type: 'lost';
  readonly failure: Failure;
  /** Absent when no node was reached for. */
  readonly node: string | undefined;
  /** It had lasted: what failed before it is forgotten. */
  readonly stable: boolean;
  /** Whether another token or ticket can be had. */
  readonly renewable: boolean;
  readonly random: number;
}

export const INITIAL: ConnectionState = { state: { type: 'idle' }, failures: 0, exclude: [] };

/** DESIGN 3.1. */
const MAX_EXCLUDED = 8;

/** `closed` is final: the same object comes back. */
export function reduce(connection: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (connection.state.type === 'closed') return connection;
  if (event.type !== 'lost') return { ...connection, state: event };
  return lose(event.stable ? INITIAL : connection, event);
}

function lose(before: ConnectionState, { failure, node, renewable, random }: LossEvent): ConnectionState {
  const { close, code } = failure;
  const unauthorized = close === CLOSE_UNAUTHORIZED;
  if (isFinal(failure) && !(unauthorized && renewable && !before.renewed)) {
    return { ...before, state: { type: 'closed', code: close, reason: code } };
  }
  return {
    // The server's delay is a floor; the jitter on top keeps everybody from coming back at once.
    state: { type: 'waiting', retryInMs: (failure.retryAfterMs ?? 0) + backoff(before.failures, random), cause: code },
    failures: before.failures + 1,
    renewed: before.renewed || unauthorized,
    exclude: [...(node ? [node] : []), ...before.exclude].slice(0, MAX_EXCLUDED),
  };
}
