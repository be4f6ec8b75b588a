// Verifies users' tokens: the signature by jose, the claims by our own rules.

import { compactVerify, errors } from 'jose';
import { LRUCache } from 'lru-cache';
import { monotonicNowMs } from '../lib/clocks.js';
import { FanfareError } from '../lib/errors.js';
import type { Algorithm } from '../lib/jwt-algorithms.js';
import { type Logger, silentLogger } from '../lib/logger.js';
import { field } from '../protocol/index.js';
import { type ClaimRules, checkExpiry, identityOf } from './claims.js';
import { GrantPool } from './grant-pool.js';
import type { Authenticator, Identity } from './identity.js';
import { JWKS_DEFAULTS, type KeysCheck } from './jwks.js';
import { isKeyId } from './key-set.js';
import { publicKey, publishedKeys, secretKey, type TokenKey, type VerifyingKey } from './token-keys.js';
import { decodeJson, isTicketHeader, isTokenHeader, readTokenText, type TokenText } from './token-text.js';

/** Who may issue tokens, and how their signatures are verified. At least one key; several fit different algorithms. */
export interface TokenIssuer {
  /** What `iss` must be, exactly; not checked when absent. */
  readonly issuer?: string | undefined;
  /** One of these must be in `aud`; not checked when absent. */
  readonly audience?: string | readonly string[] | undefined;
  /** Shared secrets for HS256, at least 32 bytes each. */
  readonly secret?: string | readonly string[] | undefined;
  /** RSA (≥ 2,048 bits), EC or Ed25519 public keys in PEM. */
  readonly publicKey?: string | readonly string[] | undefined;
  /** Where the issuer publishes its keys. */
  readonly jwksUrl?: string | undefined;
  /** Narrows the algorithms that the keys allow. */
  readonly algorithms?: readonly Algorithm[] | undefined;
}

export interface TokenVerifierOptions {
  readonly issuers: readonly TokenIssuer[];
  /** Whether the pattern `*` may grant everything; default false. */
  readonly allowStar: boolean;
  /** How far clocks may differ; default 5,000 ms. */
  readonly toleranceMs: number;
  /** The longest `exp − iat`; default 24 h. */
  readonly maxLifetimeMs: number;
  /** Verified tokens that are remembered, at most 32 MiB of text and grants; default 10,000. 0 turns it off. */
  readonly maxCached: number;
  /** How long one is remembered, so that a withdrawn key stops counting; default 5 min. */
  readonly cacheMs: number;
  /** Bounds of key sets; see {@link JWKS_DEFAULTS}. */
  readonly jwks: { readonly [key in keyof typeof JWKS_DEFAULTS]: number };
  readonly clock: () => number;
  readonly fetch: typeof fetch;
  readonly logger: Logger;
}

export interface TokenVerifier extends Authenticator {
  /** Begins to fetch published keys, and keeps them fresh. */
  start(): void;
  /** Ends that. Idempotent. */
  close(): void;
  /** One for each set of published keys. */
  checks(): readonly KeysCheck[];
  /** Plain counters for metrics. */
  stats(): { readonly jwksUnavailable: number; readonly cachedTokens: number };
}

interface Source {
  readonly rules: ClaimRules;
  readonly keys: readonly TokenKey[];
  readonly algorithms: ReadonlySet<string>;
}

interface Remembered {
  readonly identity: Identity;
  readonly untilMs: number;
}

const DEFAULTS = {
  allowStar: false,
  toleranceMs: 5_000,
  maxLifetimeMs: 24 * 3_600_000,
  maxCached: 10_000,
  cacheMs: 5 * 60_000,
  jwks: JWKS_DEFAULTS,
  clock: Date.now,
  fetch: globalThis.fetch,
  logger: silentLogger,
} as const;

const MAX_CACHED_CHARS = 32 * 1024 * 1024;

/** Makes a verifier of users' tokens. Throws `TypeError` for keys that cannot be used. */
export function createTokenVerifier(
  given: Partial<TokenVerifierOptions> & Pick<TokenVerifierOptions, 'issuers'>,
): TokenVerifier {
  const options: TokenVerifierOptions = { ...DEFAULTS, ...given };
  // A clock that was handed in serves for durations too.
  const elapsedMs = given.clock ?? monotonicNowMs;
  if (options.issuers.length === 0) throw new TypeError('a token verifier needs at least one issuer');
  const sources = options.issuers.map((issuer) => sourceOf(issuer, options, elapsedMs));
  const sets = sources.flatMap(({ keys }) => keys).flatMap(({ jwks }) => jwks ?? []);
  const cache = options.maxCached > 0 ? newCache(options.maxCached) : undefined;
  const pool = new GrantPool();

  async function verifyAfresh(text: string, remember: boolean): Promise<Identity> {
    const token = readTokenText(text);
    const source = chooseSource(token, sources);
    const payload = await verifySignature(token, source);
    const claimed = identityOf(payload, source.rules, options.clock());
    const identity = { ...claimed, grants: pool.of(claimed.grants) };
    if (remember) {
      forgetStale();
      cache?.set(text, { identity, untilMs: elapsedMs() + options.cacheMs });
    }
    return identity;
  }

  /** What was not used for longest and is no longer good: who goes never shows that token again. */
  function forgetStale(): void {
    for (const entry of cache?.rentries() ?? []) {
      const [text, { untilMs }] = entry as [string, Remembered];
      if (untilMs > elapsedMs()) return;
      cache?.delete(text);
    }
  }

  return {
    verify(text, remember = true) {
      const known = cache?.get(text);
      if (known === undefined || elapsedMs() >= known.untilMs) return verifyAfresh(text, remember);
      checkExpiry(known.identity.expiresAtMs, options.toleranceMs, options.clock());
      return known.identity;
    },
    start: () => sets.forEach((set) => void set.start()),
    close: () => sets.forEach((set) => void set.close()),
    checks: () => sets.map((set) => set.check()),
    stats: () => ({
      jwksUnavailable: sets.reduce((sum, { failures }) => sum + failures, 0),
      cachedTokens: cache?.size ?? 0,
    }),
  };
}

/** Bounded by size too: the user's name may be filled into many patterns. */
function newCache(max: number): LRUCache<string, Remembered> {
  return new LRUCache({
    max,
    maxSize: MAX_CACHED_CHARS,
    sizeCalculation: ({ identity }, text) => {
      const { subscribe, publish, presence, publishLive = [] } = identity.grants;
      return (
        text.length +
        [subscribe, publish, presence, publishLive].flat().reduce((sum, pattern) => sum + pattern.length, 0)
      );
    },
  });
}

function sourceOf(issuer: TokenIssuer, options: TokenVerifierOptions, clock: () => number): Source {
  const { fetch, logger } = options;
  const secrets = issuer.secret === undefined ? [] : [issuer.secret].flat();
  const publicKeys = issuer.publicKey === undefined ? [] : [issuer.publicKey].flat();
  // What is fetched comes last: whoever is verified without that waits for nothing.
  const keys: TokenKey[] = [...secrets.map(secretKey), ...publicKeys.map(publicKey)];
  if (issuer.jwksUrl !== undefined) {
    keys.push(publishedKeys({ ...options.jwks, url: issuer.jwksUrl, clock, fetch, logger }));
  }
  if (keys.length === 0) throw new TypeError('a token issuer needs a secret, a public key or a key set URL');
  const possible = new Set<string>(keys.flatMap((key) => key.algorithms));
  const algorithms = new Set<string>(issuer.algorithms ?? possible);
  for (const algorithm of algorithms) {
    if (!possible.has(algorithm)) throw new TypeError(`no configured key can verify the algorithm ${algorithm}`);
  }
  const audiences = issuer.audience === undefined ? [] : [issuer.audience].flat();
  const { toleranceMs, maxLifetimeMs, allowStar } = options;
  return { rules: { issuer: issuer.issuer, audiences, toleranceMs, maxLifetimeMs, allowStar }, keys, algorithms };
}

/** The issuer that a token claims to be from, once its header is one that we accept. */
function chooseSource({ header, payload }: TokenText, sources: readonly Source[]): Source {
  if (isTicketHeader(header)) {
    throw new FanfareError('wrong_token_kind', "typ: a ticket stands where a user's token belongs");
  }
  const algorithm = field(header, 'alg');
  if (typeof algorithm !== 'string' || !sources.some((source) => source.algorithms.has(algorithm))) {
    throw new FanfareError('token_alg_not_allowed', 'alg: not one of the algorithms that are allowed here');
  }
  checkHeader(header);
  const [only] = sources;
  if (sources.length === 1 && only !== undefined) return only;
  const issuer = field(decodeJson(payload, 'payload'), 'iss');
  const fits = (source: Source) => source.algorithms.has(algorithm);
  const source =
    sources.find((one) => one.rules.issuer !== undefined && one.rules.issuer === issuer && fits(one)) ??
    sources.find((one) => one.rules.issuer === undefined && fits(one));
  if (source === undefined) throw new FanfareError('token_claim_invalid', 'iss: not one of the configured issuers');
  return source;
}

function checkHeader(header: TokenText['header']): void {
  if (!isTokenHeader(header)) throw new FanfareError('token_unsupported', 'typ: expected JWT, at+jwt, or none');
  for (const name of ['crit', 'b64']) {
    if (field(header, name) !== undefined) throw new FanfareError('token_unsupported', `${name}: not supported`);
  }
  for (const name of ['jku', 'x5u']) {
    if (field(header, name) !== undefined) throw new FanfareError('token_key_unknown', `${name}: keys are not fetched`);
  }
  for (const name of ['jwk', 'x5c']) {
    if (field(header, name) !== undefined) {
      throw new FanfareError('token_signature_invalid', `${name}: a token cannot bring its own key`);
    }
  }
  const kid = field(header, 'kid');
  if (kid !== undefined && !isKeyId(kid)) throw new FanfareError('token_key_unknown', 'kid: not the id of a key');
}

async function verifySignature(token: TokenText, source: Source): Promise<TokenText['header']> {
  const algorithm = String(field(token.header, 'alg'));
  const fitting = source.keys.filter((key) => key.algorithms.some((one) => one === algorithm));
  let whyNot: string | undefined;
  let wasTried = false;
  for (const candidate of fitting) {
    const keys = await candidate.find(token.header);
    if (keys.length === 0) whyNot = candidate.whyNot?.(token.header);
    if (keys.length === 0) continue;
    wasTried = true;
    const isGood =
      (await isSignedByOne(token.text, keys, algorithm)) ||
      (await isSignedByOne(token.text, (await candidate.findAgain?.(token.header)) ?? [], algorithm));
    if (isGood) return decodeJson(token.payload, 'payload');
  }
  if (!wasTried) throw new FanfareError('token_key_unknown', whyNot ?? 'kid: no such key');
  throw new FanfareError('token_signature_invalid', 'the signature does not verify');
}

async function isSignedByOne(text: string, keys: readonly VerifyingKey[], algorithm: string): Promise<boolean> {
  for (const key of keys) if (await isSignedBy(text, key, algorithm)) return true;
  return false;
}

async function isSignedBy(text: string, key: VerifyingKey, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return false;
    if (error instanceof errors.JOSEAlgNotAllowed) {
      throw new FanfareError('token_alg_not_allowed', 'alg: not one of the algorithms that are allowed here');
    }
    if (error instanceof errors.JOSENotSupported) {
      throw new FanfareError('token_unsupported', 'the token uses a feature that is not supported', { cause: error });
    }
    if (error instanceof errors.JWSInvalid) {
      throw new FanfareError('token_malformed', 'the token is not a signed compact JWT', { cause: error });
    }
    throw new FanfareError('token_key_unknown', 'the key does not fit the algorithm', { cause: error });
  }
}
