// One published set of keys: each judged once, found by what a token's header says, and named where it cannot be used.

import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { field } from '../protocol/index.js';
import { algorithmsOf } from './key-algorithms.js';
import type { JsonRecord } from './token-text.js';

/** Chosen: more than an issuer has of one id while it rotates, and few enough signatures for one token. */
const MAX_TRIED = 8;
/** Chosen: enough to see what is wrong. */
const MAX_TOLD = 10;
/** Base64url, UUIDs, thumbprints; nothing that looks like a path upwards or needs quoting. */
const KEY_ID = /^(?!.*\.\.)[A-Za-z0-9_.~+=:@/-]{1,128}$/;
const KEY_TYPES: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);
const FOREIGN_ALGORITHM = "is for another algorithm than the token's";
const ENCRYPTION = 'is not for signatures: its use is not sig';

/** Whether a header's `kid` is one that may be looked up at all. */
export function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KEY_ID.test(kid);
}

/** Which key a token asks for. */
export interface KeyWish {
  readonly algorithm: string;
  readonly kid?: string;
}

/** What a set has that is not used. */
export interface UnusedKeys {
  /** The first of them, each with the reason. */
  readonly unused: readonly string[];
  /** How many besides. */
  readonly more: number;
  /** Whether there is one that an issuer in order would not have published. */
  readonly isFault: boolean;
}

type Judgement =
  | { readonly key: KeyObject; readonly algorithms: readonly string[] }
  /** What follows the key's name. */
  | { readonly unfit: string };
type PublishedKey = Judgement & { readonly kid: unknown };

export class KeySet {
  readonly #keys: readonly PublishedKey[];
  readonly #beyond: number;

  /** Throws where `value` is no key set, or has no public key among its first `maxKeys`. */
  constructor(value: unknown, maxKeys: number) {
    const keys: unknown = (value as { readonly keys?: unknown } | null)?.keys;
    if (!Array.isArray(keys)) throw new Error('the answer is not a JSON Web Key Set');
    this.#keys = keys.slice(0, maxKeys).map(published);
    this.#beyond = Math.max(0, keys.length - maxKeys);
    if (!keys.slice(0, maxKeys).some(isPublic)) throw new Error('the key set has no public key');
  }

  /** Why nobody's token can be verified; `undefined` where there is a key. */
  problem(): string | undefined {
    if (this.#keys.some((one) => 'key' in one)) return undefined;
    return `none of the published keys can be used: ${this.unused()?.unused[0]}`;
  }

  /** Those that may have signed the token; without a `kid` the only one. */
  find({ algorithm, kid }: KeyWish): readonly KeyObject[] {
    const fitting = this.#named(kid).flatMap((one) =>
      'key' in one && one.algorithms.includes(algorithm) ? [one.key] : [],
    );
    return kid === undefined && fitting.length > 1 ? [] : fitting.slice(0, MAX_TRIED);
  }

  /** Why {@link find} finds nothing. */
  whyNot(wish: KeyWish): string {
    if (wish.kid === undefined) {
      const isSeveral = this.#keys.some((one) => 'key' in one && one.algorithms.includes(wish.algorithm));
      const found = isSeveral ? 'several of the published keys fit' : 'none of the published keys fits';
      return `kid: absent, and ${found} the algorithm`;
    }
    const [first] = this.#named(wish.kid);
    if (first === undefined) return 'kid: no such key';
    return `kid: the key of this id ${'unfit' in first ? first.unfit : FOREIGN_ALGORITHM}`;
  }

  /** `undefined` where all are used. */
  unused(): UnusedKeys | undefined {
    const unfit = this.#keys.flatMap((one) => ('unfit' in one ? [one] : []));
    if (unfit.length + this.#beyond === 0) return undefined;
    return {
      unused: unfit.slice(0, MAX_TOLD).map(({ kid, unfit: reason }) => `${isKeyId(kid) ? kid : '(no id)'} ${reason}`),
      more: Math.max(0, unfit.length - MAX_TOLD) + this.#beyond,
      isFault: this.#beyond > 0 || unfit.some(({ unfit: reason }) => reason !== ENCRYPTION),
    };
  }

  #named(kid: string | undefined): readonly PublishedKey[] {
    return kid === undefined ? this.#keys : this.#keys.filter((one) => one.kid === kid);
  }
}

function published(value: unknown): PublishedKey {
  if (typeof value !== 'object' || value === null) return { kid: undefined, unfit: 'is not a key' };
  const jwk = value as JsonRecord;
  const unfit = statedReason(jwk);
  return { kid: field(jwk, 'kid'), ...(unfit === undefined ? judged(jwk) : { unfit }) };
}

/** A shared secret or a private key in a published set is never used. */
function isPublic(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return KEY_TYPES.has(field(value as JsonRecord, 'kty')) && field(value as JsonRecord, 'd') === undefined;
}

/** Why a key is not for us by what it says of itself. */
function statedReason(jwk: JsonRecord): string | undefined {
  if (!isPublic(jwk)) return KEY_TYPES.has(field(jwk, 'kty')) ? 'is a private key' : 'is no public key';
  const [use, operations] = [field(jwk, 'use'), field(jwk, 'key_ops')];
  if (typeof use === 'string' && use !== 'sig') return ENCRYPTION;
  if (Array.isArray(operations) && !operations.includes('verify')) {
    return 'is not for verifying: its key_ops lack verify';
  }
  return undefined;
}

function judged(jwk: JsonRecord): Judgement {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return { unfit: 'is not a key that can be read' };
  }
  const algorithms = algorithmsOf(key);
  if (typeof algorithms === 'string') return { unfit: algorithms };
  const own = field(jwk, 'alg');
  if (typeof own !== 'string') return { key, algorithms };
  return algorithms.some((one) => one === own)
    ? { key, algorithms: [own] }
    : { unfit: 'has an alg that no key of its kind has' };
}
