// Decides who asks, and whether not too often.

import { createHash, timingSafeEqual } from 'node:crypto';
import { allowsAnonymous, anonymousIdentity } from '../src/auth/anonymous.js';
import type { Authenticator, Identity } from '../src/auth/identity.js';
import { FanfareError } from '../src/lib/errors.js';
import { createKeyedLimiter, type KeyedRateLimiter } from '../src/limits/keyed-limiter.js';
import { rateLimitHeaders } from '../src/limits/rate-limit-headers.js';
import type { DiscoveryOptions } from './options.js';

/** The credential of an `Authorization` header. Several of them arrive joined by commas, and are none. */
const BEARER = /^bearer +([^\s,]+)$/i;

/** Headers that are added to the answer, whatever it turns out to be. */
export type AnswerHeaders = Record<string, string>;

export class Admission {
  readonly #tokens: Authenticator | undefined;
  readonly #options: DiscoveryOptions;
  readonly #anonymous: boolean;
  readonly #users: KeyedRateLimiter;
  readonly #addresses: KeyedRateLimiter | undefined;

  constructor(tokens: Authenticator | undefined, options: DiscoveryOptions) {
    const { namespaces, userRate, addressRate, maxLimits } = options;
    this.#tokens = tokens;
    this.#options = options;
    this.#anonymous = allowsAnonymous(namespaces);
    this.#users = createKeyedLimiter(userRate, maxLimits);
    this.#addresses = addressRate && createKeyedLimiter(addressRate, maxLimits);
  }

  /**
   * Who asks. Throws a `token_…` code, `wrong_token_kind`, or `rate_limited`; the rate limit's headers are put into `headers`
   * either way.
   */
  async admit(authorization: string | null, address: string, nowMs: number, headers: AnswerHeaders): Promise<Identity> {
    const { userRate, addressRate } = this.#options;
    if (this.#addresses !== undefined && addressRate !== undefined) {
      const decision = await this.#addresses.take(address, 1, nowMs);
      if (!decision.allowed) {
        Object.assign(headers, rateLimitHeaders('address', addressRate, decision));
        throw limited(decision.retryAfterMs);
      }
    }
    const identity = await this.#identify(authorization);
    const key = identity.user === null ? `address:${address}` : `user:${identity.user}`;
    const decision = await this.#users.take(key, 1, nowMs);
    Object.assign(headers, rateLimitHeaders('connect', userRate, decision));
    if (!decision.allowed) throw limited(decision.retryAfterMs);
    return identity;
  }

  async #identify(authorization: string | null): Promise<Identity> {
    if (authorization === null) {
      if (this.#anonymous) return anonymousIdentity(this.#options.namespaces, Date.now());
      throw new FanfareError('token_missing', 'Authorization: expected Bearer and a token, got nothing');
    }
    const token = bearerOf(authorization);
    if (this.#tokens === undefined) throw new FanfareError('token_key_unknown', 'no key for tokens is configured');
    return this.#tokens.verify(token);
  }
}

/** Throws `token_missing` without a key and `forbidden` with another one. Takes the same time for every wrong key. */
export function requireKey(authorization: string | null, key: string): void {
  if (authorization === null) throw new FanfareError('token_missing', 'Authorization: expected the admin key');
  if (!timingSafeEqual(digest(bearerOf(authorization)), digest(key))) {
    throw new FanfareError('forbidden', 'Authorization: not the admin key');
  }
}

function bearerOf(authorization: string): string {
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new FanfareError('token_malformed', 'Authorization: expected one Bearer and a token');
  return token;
}

function limited(retryAfterMs: number): FanfareError {
  return new FanfareError('rate_limited', `try again in ${retryAfterMs} ms`, { retryAfterMs });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
