// The SDK's one error: a stable code, and what the connection makes of it.

import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_REFUSED } from './numbers.js';
import type { ClientError } from './types.js';

/** An error that may end a link, by its close code. */
export interface Failure extends ClientError {
  readonly close: number;
  readonly channels?: readonly string[] | undefined;
}

/** `details` are fields to add: those of a problem document or of an `error` event. */
export const createFailure = (close: number, code: string, message = code, details?: object): Failure =>
  Object.assign(new Error(message), details, { close, code });

/** A link's end: the reason of a node's begins with a code. */
export const createEnd = (close: number, reason: string, retryAfterMs: number | undefined): Failure =>
  createFailure(close, reason.split(':')[0] || 'network', reason, { retryAfterMs });

/** Whatever was thrown; what is no failure yet counts as the network's: a captive portal's answer, a fetch that threw. */
export const toFailure = (error: unknown): Failure =>
  (error as Failure).close ? (error as Failure) : createFailure(CLOSE_NETWORK, 'network', String(error));

/** 4500–4999 is the server's final word; all else may be tried again. */
export const isFinal = ({ close }: Failure): boolean => close >= 4500 && close < 5000;

/** What a node says no to. The expression knows the codes that may answer a command and that the contract's table marks `retry`. */
export const createRefusal = (event: Coded): Failure => {
  const isLater = /limited|unavail|internal|timeout|full|over/.test(event.code);
  return createFailure(isLater ? CLOSE_LATER : CLOSE_REFUSED, event.code, event.message, event);
};

/** What names a code: an `error` event, or another that ends something. */
export interface Coded {
  readonly code: string;
  readonly message?: string;
  readonly channel?: string;
}

/** Refuses a caller's argument. */
export const misuse = (argument: string): never => {
  throw new TypeError(`bad ${argument}`);
};
