// The public keys that an issuer publishes at a URL: fetched with bounds, kept fresh, and used on while the URL is down.

import { type CryptoKey, createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { after } from '../lib/timers.js';
import { TokenBucket } from '../limits/token-bucket.js';

/** Base64url, UUIDs, thumbprints; nothing that looks like a path upwards or needs quoting. */
const KEY_ID = /^(?!.*\.\.)[A-Za-z0-9_.~+=:@/-]{1,128}$/;
const KEY_TYPES: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

export interface JwksOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly clock: () => number;
  readonly logger: Logger;
  /** Age at which keys are fetched again, in milliseconds; while the URL answers a withdrawn key lives on no longer. */
  readonly maxAgeMs: number;
  /** How often tokens may have the keys fetched, in milliseconds for each; what they do not use gathers, up to `burst`. */
  readonly perFetchMs: number;
  readonly burst: number;
  /** When one request is given up, in milliseconds; also the pause between tries while there is no key at all. */
  readonly timeoutMs: number;
  /** The largest answer that is read. */
  readonly maxBytes: number;
  /** Keys beyond it are ignored. */
  readonly maxKeys: number;
}

/** Chosen: a stranger who makes keys up has an issuer asked every two seconds, and a new key is known as soon. */
export const JWKS_DEFAULTS = {
  maxAgeMs: 10 * 60_000,
  perFetchMs: 2_000,
  burst: 5,
  timeoutMs: 5_000,
  maxBytes: 256 * 1024,
  maxKeys: 100,
} as const;

/** One thing that readiness depends on. */
export interface KeysCheck {
  readonly name: 'keys';
  readonly ok: boolean;
  /** Unix milliseconds of the last change. */
  readonly sinceMs: number;
  readonly detail: string;
}

/** Whether a header's `kid` is one that may be looked up at all. */
export function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KEY_ID.test(kid);
}

type KeyHeader = {
  readonly alg: string;
  readonly kid?: string;
};

/** One issuer's published keys. What is known is found without waiting, however old it is. */
export class Jwks {
  readonly #options: JwksOptions;
  readonly #bucket: TokenBucket;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  /** The request under way: whether it brought keys. */
  #fetching: Promise<boolean> | undefined;
  #failure: string | undefined;
  #failures = 0;
  #sinceMs = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: JwksOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket({ perSecond: 1000 / options.perFetchMs, burst: options.burst });
  }

  /** Requests that failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Fetches the keys now, and from then on before they are too old. Ends with {@link close}. */
  start(): void {
    clearTimeout(this.#timer);
    void this.#fetch().finally(() => this.#plan());
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Fails as long as there was never a key. */
  check(): KeysCheck {
    const ok = this.#keys !== undefined;
    const ageS = Math.round((this.#options.clock() - this.#fetchedAtMs) / 1000);
    const failure = this.#failure ?? 'not asked yet';
    const old = this.#failure === undefined ? '' : `using the keys fetched ${ageS} s ago: ${failure}`;
    return { name: 'keys', ok, sinceMs: this.#sinceMs, detail: ok ? old : `no signing keys yet: ${failure}` };
  }

  /**
   * The key for a token's `alg` and `kid`; without a `kid` the only one that fits. `undefined` once a fetch that began after the
   * question has not brought it. Throws `keys_unavailable` while that cannot be found out. The caller has checked {@link isKeyId}.
   */
  async find(algorithm: string, kid: unknown): Promise<CryptoKey | undefined> {
    const header: KeyHeader = { alg: algorithm, ...(isKeyId(kid) && { kid }) };
    if (this.#options.clock() - this.#fetchedAtMs >= this.#options.maxAgeMs) this.#refresh();
    return (await this.#lookUp(header)) ?? this.#findAfresh(header, true);
  }

  /** The key as a fetch that begins now brings it, for a token that the key found does not verify. Throws as {@link find}. */
  findAgain(algorithm: string, kid: unknown): Promise<CryptoKey | undefined> {
    return this.#findAfresh({ alg: algorithm, ...(isKeyId(kid) && { kid }) }, false);
  }

  /** `mayBeKnown`: what a fetch under way brings will do, although it began before the question. */
  async #findAfresh(header: KeyHeader, mayBeKnown: boolean): Promise<CryptoKey | undefined> {
    if (this.#fetching !== undefined) {
      await this.#fetching;
      const known = mayBeKnown ? await this.#lookUp(header) : undefined;
      if (known !== undefined) return known;
    }
    // Whoever waited beside us may have begun one meanwhile.
    if (!(await (this.#fetching ?? this.#fetchWithin()))) throw unavailable(this.#options.perFetchMs);
    return this.#lookUp(header);
  }

  async #lookUp(header: KeyHeader): Promise<CryptoKey | undefined> {
    try {
      return await this.#keys?.(header);
    } catch {
      return undefined; // none or several that fit: either way no key that we may believe
    }
  }

  /** Throws `keys_unavailable` where none may begin now. */
  #fetchWithin(): Promise<boolean> {
    const decision = this.#bucket.take(1, this.#options.clock());
    if (!decision.allowed) throw unavailable(decision.retryAfterMs);
    return this.#fetch();
  }

  /** In the background, where a fetch may begin. */
  #refresh(): void {
    if (
      this.#fetching === undefined &&
      this.#keys !== undefined &&
      this.#bucket.take(1, this.#options.clock()).allowed
    ) {
      void this.#fetch();
    }
  }

  #plan(): void {
    if (this.#isClosed) return;
    const { maxAgeMs, timeoutMs } = this.#options;
    const pauseMs = this.#failure === undefined ? maxAgeMs : timeoutMs;
    this.#timer = after(pauseMs, () => this.start()).unref();
  }

  /** Never rejects. */
  #fetch(): Promise<boolean> {
    this.#fetching ??= this.#fetchKeys().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchKeys(): Promise<boolean> {
    try {
      const set = usableKeys(JSON.parse(await this.#read()), this.#options.maxKeys);
      if (this.#keys === undefined) this.#sinceMs = Date.now();
      this.#keys = createLocalJWKSet(set);
      this.#fetchedAtMs = this.#options.clock();
      this.#succeeded();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** Each change is told once, however many tokens ask meanwhile. */
  #succeeded(): void {
    const { url, logger } = this.#options;
    if (this.#failure !== undefined) logger.info({ url }, 'the signing keys are fetched again');
    this.#failure = undefined;
  }

  #failed(error: unknown): void {
    this.#failures++;
    const { url, logger } = this.#options;
    if (this.#failure === undefined) {
      const cached = this.#keys !== undefined;
      const what = cached ? 'those known are used on' : 'nobody with a token is let in until they can';
      logger.warn({ code: 'keys_unavailable', url, error, cached }, `the signing keys cannot be fetched: ${what}`);
    }
    this.#failure = error instanceof Error ? reasonOf(error) : String(error);
  }

  async #read(): Promise<string> {
    const { url, timeoutMs, maxBytes } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { Accept: 'application/jwk-set+json, application/json' };
    const response = await this.#options.fetch(url, { signal, headers, redirect: 'error' });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new Error(`expected status 200 with a body, got ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

function unavailable(retryAfterMs: number): FanfareError {
  const message = 'the key that the token names is not known yet, and the signing keys cannot be fetched now';
  return new FanfareError('keys_unavailable', message, { retryAfterMs: Math.ceil(retryAfterMs) });
}

/** `fetch` says why only in the cause of what it throws. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
}

/** Public keys for signatures only: a shared secret or a private key in a published set is never used. */
function usableKeys(value: unknown, maxKeys: number): JSONWebKeySet {
  const keys: unknown = (value as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('the answer is not a JSON Web Key Set');
  const usable = keys.slice(0, maxKeys).filter((key: unknown): key is JWK => {
    const record = key as JWK | null;
    return typeof record === 'object' && record !== null && KEY_TYPES.has(record.kty) && record.d === undefined;
  });
  if (usable.length === 0) throw new Error('the key set has no public key');
  return { keys: usable };
}
