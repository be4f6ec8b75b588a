// The one error class whose code a peer may be told.

import type { Code, PolledGap } from '../protocol/index.js';

export interface FanfareErrorDetails {
  readonly cause?: unknown;
  /** When the same request may succeed, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** The channels that the error is about. */
  readonly channels?: readonly string[];
  /** `unknown`: what was asked for may or may not have happened. */
  readonly outcome?: 'unknown';
  /** What was asked for and is not coming any more, and where to go on. */
  readonly gap?: PolledGap;
}

/** An error with a stable code. The message is for people and never holds a secret or a peer's raw input. */
export class FanfareError extends Error {
  override readonly name = 'FanfareError';
  readonly code: Code;
  readonly retryAfterMs: number | undefined;
  readonly channels: readonly string[] | undefined;
  readonly outcome: 'unknown' | undefined;
  readonly gap: PolledGap | undefined;

  constructor(code: Code, message: string, details: FanfareErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.channels = details.channels;
    this.outcome = details.outcome;
    this.gap = details.gap;
  }
}
