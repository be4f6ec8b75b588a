// The public keys that an issuer publishes at a URL: fetched with bounds, kept fresh, and used on while the URL is down.

import type { KeyObject } from 'node:crypto';
import { calm } from '../lib/calm.js';
import { FanfareError } from '../lib/errors.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import type { Logger } from '../lib/logger.js';
import { after } from '../lib/timers.js';
import { TokenBucket } from '../limits/token-bucket.js';
import { KeySet, type KeyWish } from './key-set.js';

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

/** One issuer's published keys. What is known is found without waiting, however old it is. */
export class Jwks {
  readonly #options: JwksOptions;
  readonly #bucket: TokenBucket;
  #keys: KeySet | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  /** The request under way: whether it brought keys. */
  #fetching: Promise<boolean> | undefined;
  #failure: string | undefined;
  #failures = 0;
  /** What was told last of keys that are not used. */
  #toldUnused = '';
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

  /** Fails as long as there is no key that verifies anything. */
  check(): KeysCheck {
    const [keys, failure] = [this.#keys, this.#failure ?? 'not asked yet'];
    const fields = { name: 'keys', ok: this.#isUsable, sinceMs: this.#sinceMs } as const;
    if (keys === undefined) return { ...fields, detail: `no signing keys yet: ${failure}` };
    const ageS = Math.round((this.#options.clock() - this.#fetchedAtMs) / 1000);
    const old = this.#failure === undefined ? '' : `using the keys fetched ${ageS} s ago: ${failure}`;
    return { ...fields, detail: keys.problem() ?? old };
  }

  /**
   * The keys that a token asks for. None once a fetch that began after the question has not brought one. Throws `keys_unavailable`
   * while that cannot be found out.
   */
  async find(wish: KeyWish): Promise<readonly KeyObject[]> {
    if (this.#options.clock() - this.#fetchedAtMs >= this.#options.maxAgeMs) this.#refresh();
    const known = this.#lookUp(wish);
    return known.length > 0 ? known : this.#findAfresh(wish, true);
  }

  /** The keys as a fetch that begins now brings them, for a token that those found do not verify. Throws as {@link find}. */
  findAgain(wish: KeyWish): Promise<readonly KeyObject[]> {
    return this.#findAfresh(wish, false);
  }

  /** Why nothing was found. */
  whyNot(wish: KeyWish): string {
    return this.#keys?.whyNot(wish) ?? 'kid: no such key';
  }

  /** `mayBeKnown`: what a fetch under way brings will do, although it began before the question. */
  async #findAfresh(wish: KeyWish, mayBeKnown: boolean): Promise<readonly KeyObject[]> {
    if (this.#fetching !== undefined) {
      await this.#fetching;
      const known = mayBeKnown ? this.#lookUp(wish) : [];
      if (known.length > 0) return known;
    }
    // Whoever waited beside us may have begun one meanwhile.
    if (!(await (this.#fetching ?? this.#fetchWithin()))) throw unavailable(this.#options.perFetchMs);
    return this.#lookUp(wish);
  }

  #lookUp(wish: KeyWish): readonly KeyObject[] {
    return this.#keys?.find(wish) ?? [];
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

  get #isUsable(): boolean {
    return this.#keys !== undefined && this.#keys.problem() === undefined;
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
      const set = new KeySet(JSON.parse(await this.#read()), this.#options.maxKeys);
      const wasUsable = this.#isUsable;
      this.#keys = set;
      if (this.#isUsable !== wasUsable) this.#sinceMs = Date.now();
      this.#fetchedAtMs = this.#options.clock();
      this.#succeeded();
      this.#tellUnused(set);
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

  /** Once, until it is something else: a token that asks for one of them is refused, and nothing else says so. */
  #tellUnused(set: KeySet): void {
    const found = set.unused();
    const told = JSON.stringify(found ?? '');
    if (told === this.#toldUnused) return;
    this.#toldUnused = told;
    if (found === undefined) return;
    const { url, logger } = this.#options;
    const { isFault, ...fields } = found;
    // Many issuers publish a key for encryption beside the others.
    const level = isFault ? 'warn' : 'info';
    calm(logger)[level]({ url, ...fields }, 'some of the published keys are not used');
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
    const bytes = new GatheredBytes();
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      if (bytes.length + chunk.byteLength > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
      bytes.add(chunk);
    }
    // As `Response.json` reads it: without the byte order mark that a file may have before it.
    return new TextDecoder().decode(bytes.take());
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
