// The door of discovery: who asks, and whether not too often.

import { createHash } from 'node:crypto';
import { allowsAnonymous, anonymousIdentity } from '../src/auth/anonymous.js';
import type { Authenticator, Identity } from '../src/auth/identity.js';
import type { Asker } from '../src/cluster/registry.js';
import { REGISTRY_RULES } from '../src/cluster/registry-rules.js';
import { addressKey } from '../src/http/address.js';
import { bearerOf } from '../src/http/bearer.js';
import { Door } from '../src/http/door.js';
import { FanfareError } from '../src/lib/errors.js';
import { createKeyedLimiter, type LocalKeyedLimiter } from '../src/limits/keyed-limiter.js';
import { rateLimitHeaders } from '../src/limits/rate-limit-headers.js';
import { SubjectLimit } from '../src/limits/subject-limit.js';
import type { DiscoveryOptions, DiscoveryParts } from './options.js';

/** Headers that are added to the answer, whatever it turns out to be. */
export type AnswerHeaders = Record<string, string>;

/** Chosen: places that are kept for one user, or one address of those who have no name, at a time; a browser needs one for each tab that it opens. */
const PLACES = {
  algorithm: 'sliding-window-log',
  limit: 20,
  windowMs: REGISTRY_RULES.reservationMs,
  countRefused: false,
} as const;

type AdmissionParts = Pick<DiscoveryParts, 'tokens' | 'logger' | 'sharedLimits'>;

export class Admission extends Door {
  readonly #tokens: Authenticator | undefined;
  readonly #options: DiscoveryOptions;
  readonly #anonymous: boolean;
  readonly #connects: SubjectLimit;
  readonly #places: LocalKeyedLimiter;

  constructor({ tokens, logger, sharedLimits: sharing }: AdmissionParts, options: DiscoveryOptions) {
    const { namespaces, origins, connects, addresses, maxLimits } = options;
    super({
      origins,
      logger,
      addresses: addresses && new SubjectLimit(addresses, maxLimits, sharing),
    });
    this.#tokens = tokens;
    this.#options = options;
    this.#anonymous = allowsAnonymous(namespaces);
    this.#connects = new SubjectLimit(connects, maxLimits, sharing);
    this.#places = createKeyedLimiter(PLACES, maxLimits);
  }

  /**
   * Who asks. Throws a `token_…` code, `wrong_token_kind`, or `rate_limited`; what is left of the limit is put into `headers`.
   * Who has no name is counted by the address alone: many may share one, so that is the operator's to decide.
   */
  async admit(authorization: string | null, address: string, nowMs: number, headers: AnswerHeaders): Promise<Identity> {
    this.arrive({ address: addressKey(address) }, nowMs);
    const identity = await this.identify(bearerOf(authorization));
    const { name, config } = this.#connects.limit;
    const decision = this.#connects.spend(identity.user === null ? {} : { user: identity.user }, 1, nowMs);
    if (decision !== undefined) Object.assign(headers, rateLimitHeaders(name, config, decision));
    return identity;
  }

  /** For whom a place is asked. Over the limit of places a client is sent to a node all the same, where it finds one or not. */
  askerOf({ user }: Identity, address: string, nowMs: number): Asker {
    const subject = user === null ? `address ${addressKey(address)}` : `user ${user}`;
    const mark = createHash('sha256').update(subject).digest('base64url').slice(0, 11);
    return { mark, reserves: this.#places.take(mark, 1, nowMs).allowed };
  }

  async identify(token: string | undefined): Promise<Identity> {
    if (token === undefined) {
      if (this.#anonymous) return anonymousIdentity(this.#options.namespaces, Date.now());
      throw new FanfareError('token_missing', 'Authorization: expected Bearer and a token, got nothing');
    }
    if (this.#tokens === undefined) throw new FanfareError('token_key_unknown', 'no key for tokens is configured');
    return this.#tokens.verify(token);
  }
}
