// The SDK's one error: a stable code, its cause, and what the connection makes of it.

import type { GapEvent } from '../src/protocol/index.js';
import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_REFUSED } from './numbers.js';

/** What else an error may carry. */
interface Details {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly channel?: string | undefined;
  readonly channels?: readonly string[] | undefined;
  readonly gap?: GapEvent;
}

/**
 * What goes wrong. `code` is stable: a server's (docs/PROTOCOL.md, 16), or `network`, `timeout`, `offline`, `token`, `aborted`, `closed`,
 * `overflow`, `too_many_channels` or `gap`. `message` is for people, `cause` is what was thrown underneath.
 */
export class FanfareError extends Error {
  override readonly name = 'FanfareError';
  declare readonly code: string;
  /** In how many milliseconds the server wants to be asked again. */
  declare readonly retryAfterMs?: number | undefined;
  /** The channel that the error is about. */
  declare readonly channel?: string | undefined;
  /** With code `gap`: what is missing. */
  declare readonly gap?: GapEvent | undefined;

  constructor(code: string, message: string = code, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** An error that may end a link, by its close code. */
export interface Failure extends FanfareError {
  readonly close: number;
  readonly channels?: readonly string[] | undefined;
}

export const createFailure = (
  close: number,
  code: string,
  message = code,
  { cause, ...details }: Details = {},
): Failure => Object.assign(new FanfareError(code, message, { cause }), details, { close });

/** One that is about a channel, which it names. */
export const createChannelFailure = (
  channel: string | undefined,
  close: number,
  code: string,
  message = code,
  details: Details = {},
): Failure =>
  createFailure(close, code, !channel || message.includes(channel) ? message : `${channel}: ${message}`, {
    ...details,
    channel,
  });

/** Nothing came of what is named. */
export const createTimeout = (what: unknown): Failure => createFailure(CLOSE_NETWORK, 'timeout', `${what}: timeout`);

/** A link's end: the reason of a node's begins with a code. */
export const createEnd = (close: number, reason = '', retryAfterMs?: number): Failure =>
  createFailure(close, reason.split(':')[0] || 'network', reason || undefined, { retryAfterMs });

/** Whatever was thrown, and of what: what is no failure yet counts as the network's, as a captive portal's answer or a fetch that threw. */
export const toFailure = (cause: unknown, what: unknown): Failure =>
  (cause as Failure | undefined)?.close
    ? (cause as Failure)
    : createFailure(CLOSE_NETWORK, 'network', `${what}: ${String(cause)}`, { cause });

/** 4500–4999 is the server's final word; all else may be tried again. */
export const isFinal = ({ close }: Failure): boolean => close >= 4500 && close < 5000;

/**
 * What a node says no to. The expression knows the codes that the contract's table does not mark `retry`; what it does not know, as of a
 * newer node, may be tried again, and so may what says when.
 */
export const createRefusal = ({ code, message, channel, retryAfterMs }: Coded): Failure =>
  createChannelFailure(
    channel,
    retryAfterMs === undefined &&
      /not_|_too_|_ch|^(al|ba|bi|bo|du|forb|head|id|me|or|rev|tok|unk|uns|up|uri|wr)/.test(code)
      ? CLOSE_REFUSED
      : CLOSE_LATER,
    code,
    message,
    { retryAfterMs },
  );

/** What names a code: an `error` event, or another that ends something. */
export interface Coded {
  readonly code: string;
  readonly message?: string;
  readonly channel?: string;
  readonly retryAfterMs?: number;
}
