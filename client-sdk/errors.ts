// The SDK's one error: a stable code, and what the connection makes of it.

import type { ClientError } from './types.js';

/** WebSocket close codes that the SDK gives or looks for; every other one goes by its range. */
export const CLOSE_NORMAL = 1000;
/** A failure of the network, not a server's word. */
export const CLOSE_NETWORK = 1006;
export const CLOSE_TOKEN_EXPIRED = 4005;
/** A server's word: not now. */
export const CLOSE_LATER = 4006;
/** A server's word: never like this. */
export const CLOSE_REFUSED = 4500;
export const CLOSE_UNAUTHORIZED = 4501;

/** An error that may end a link, by its close code. */
export interface Failure extends ClientError {
  readonly close: number;
  readonly channels?: readonly string[] | undefined;
}

/** `details` are fields to add: those of a problem document or of an `error` event. */
export function createFailure(close: number, code: string, message = code, details?: object): Failure {
  return Object.assign(new Error(message), details, { name: 'FanfareError' as const, close, code });
}

/** A link's end: the reason of a node's begins with a code. */
export function createEnd(close: number, reason: string, retryAfterMs: number | undefined): Failure {
  return createFailure(close, reason.split(':')[0] || 'network', reason, { retryAfterMs });
}

/** Whatever was thrown; what is no failure yet counts as the network's: a captive portal's answer, a fetch that threw. */
export function toFailure(error: unknown): Failure {
  return (error as Failure).close ? (error as Failure) : createFailure(CLOSE_NETWORK, 'network', String(error));
}

/** 4500–4999 is the server's final word; all else may be tried again. */
export function isFinal({ close }: Failure): boolean {
  return close >= 4500 && close < 5000;
}

/** The close code that stands for an `error` event's code: a word of each code that the contract's table marks `retry`. */
export function closeFor(code: string): number {
  return /limited|connections|capacity|internal|overl|drain|slow|full|unavail|timeout/.test(code)
    ? CLOSE_LATER
    : CLOSE_REFUSED;
}

/** Refuses a caller's argument. */
export function misuse(argument: string): never {
  throw new TypeError(`${argument} is missing or wrong`);
}
