// What has been revoked at one moment, as far as live links are concerned.

import { FanfareError } from '../lib/errors.js';
import type { TokenHolder } from './revocation.js';
import type { RevocationList } from './revocation-list.js';

export interface Ending {
  /** Why this holder's link ends; `undefined`: it does not. */
  of(holder: TokenHolder): 'revoked' | 'disconnected' | undefined;
}

/** `nowMs` is by the log's clock. */
export function endingOf(news: RevocationList, nowMs: number): Ending {
  const disconnected = new Set<string>();
  let revokes = false;
  for (const { kind, name, expiresAtMs } of news.all()) {
    if (kind !== 'disconnect') revokes = true;
    else if (expiresAtMs > nowMs) disconnected.add(name);
  }
  return {
    of(holder) {
      if (revokes && news.revokes(holder, nowMs)) return 'revoked';
      return holder.user !== null && disconnected.has(holder.user) ? 'disconnected' : undefined;
    },
  };
}

/** Specified: who is disconnected comes back after a second or more. */
const BACK_AFTER_MS = 1_000;

/** Told where there is no list yet. */
export function notReadError(retryAfterMs: number): FanfareError {
  const message = 'the list of revocations has not been read yet';
  return new FanfareError('broker_unavailable', message, { retryAfterMs });
}

/** What its client is told. */
export function endedError(code: 'revoked' | 'disconnected'): FanfareError {
  if (code === 'revoked') return new FanfareError('revoked', 'the token has been revoked');
  return new FanfareError('disconnected', "a backend has ended the user's links", { retryAfterMs: BACK_AFTER_MS });
}
