// The public keys that an issuer publishes at a URL: fetched with bounds, cached, and used on while the URL is down.

import { type CryptoKey, createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { calm } from '../lib/calm.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';

/** Base64url, UUIDs, thumbprints; nothing that looks like a path upwards or needs quoting. */
const KEY_ID = /^(?!.*\.\.)[A-Za-z0-9_.~+=:@/-]{1,128}$/;
const KEY_TYPES: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

export interface JwksOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly clock: () => number;
  readonly logger: Logger;
  /** Age at which keys are fetched again, in milliseconds; also how long a withdrawn key lives on at most. */
  readonly maxAgeMs: number;
  /** No two requests begin within it, whatever tokens come, in milliseconds. */
  readonly cooldownMs: number;
  /** When one request is given up, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest answer that is read. */
  readonly maxBytes: number;
  /** Keys beyond it are ignored. */
  readonly maxKeys: number;
}

export const JWKS_DEFAULTS = {
  maxAgeMs: 10 * 60_000,
  cooldownMs: 30_000,
  timeoutMs: 5_000,
  maxBytes: 256 * 1024,
  maxKeys: 100,
} as const;

/** Whether a header's `kid` is one that may be looked up at all. */
export function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KEY_ID.test(kid);
}

/** One issuer's published keys. */
export class Jwks {
  readonly #options: JwksOptions;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #failures = 0;

  constructor(options: JwksOptions) {
    this.#options = options;
  }

  /** Requests that failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * The key for a token's `alg` and `kid`, or `undefined` when it is not known; without a `kid` the only one that fits.
   * The caller has checked {@link isKeyId}. Throws `internal` while no keys could be fetched at all.
   */
  async find(algorithm: string, kid: unknown): Promise<CryptoKey | undefined> {
    const header = { alg: algorithm, ...(isKeyId(kid) && { kid }) };
    if (this.#options.clock() - this.#fetchedAtMs >= this.#options.maxAgeMs) await this.#refresh();
    const known = await this.#lookUp(header);
    if (known !== undefined || header.kid === undefined) return known;
    await this.#refresh();
    return this.#lookUp(header);
  }

  async #lookUp(header: { readonly alg: string; readonly kid?: string }): Promise<CryptoKey | undefined> {
    if (this.#keys === undefined) {
      const retryAfterMs = this.#options.timeoutMs;
      throw new FanfareError('internal', 'the signing keys cannot be fetched now', { retryAfterMs });
    }
    try {
      return await this.#keys(header);
    } catch {
      return undefined; // none or several that fit: either way no key that we may believe
    }
  }

  /** Fetches the keys unless one was tried within the cooldown; never rejects. */
  #refresh(): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    const nowMs = this.#options.clock();
    // While there is no key at all nobody gets in, so we ask more often.
    const pauseMs = this.#keys === undefined ? this.#options.timeoutMs : this.#options.cooldownMs;
    if (nowMs - this.#triedAtMs < pauseMs) return Promise.resolve();
    this.#triedAtMs = nowMs;
    this.#refreshing = this.#fetchKeys().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fetchKeys(): Promise<void> {
    const { url, logger } = this.#options;
    try {
      this.#keys = createLocalJWKSet(usableKeys(JSON.parse(await this.#read()), this.#options.maxKeys));
      this.#fetchedAtMs = this.#options.clock();
    } catch (error) {
      this.#failures++;
      calm(logger).warn(
        { code: 'jwks_unavailable', url, error, cached: this.#keys !== undefined },
        'cannot fetch signing keys',
      );
    }
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
