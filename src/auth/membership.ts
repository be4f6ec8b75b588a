// Proves that a node knows the cluster's secrets, and tells by that proof who is a member.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { fingerprintOf, memberKey } from './ticket-key.js';

/** What a proof is bound to: shown for another node, at another URL or start, it proves nothing. */
export interface MemberName {
  readonly id: string;
  readonly url: string;
  /** Of one start of the node. */
  readonly incarnation: string;
}

/** What a node says under its proof. */
export interface MemberFacts {
  /** Unix milliseconds by the registry's clock: an old proof is not shown again for long. */
  readonly timeMs: number;
  readonly version: string;
  readonly engine: string;
  readonly startedAtMs: number;
  /** Why it is in the state that it reports, for operators; empty where there is nothing to say. */
  readonly why?: string;
}

/** What stands in a proof. Only `isMember` has been verified; where it is `false`, the rest is what somebody wrote. */
export interface MemberClaim extends MemberFacts {
  /** Of the secrets that the node verifies tickets with. */
  readonly fingerprints: readonly string[];
  /** Whether it knows the secret that signs here. */
  readonly isMember: boolean;
}

/** Chosen: a proof with two secrets has some 300 bytes. */
const MAX_PROOF_BYTES = 2_048;
const MAX_TEXT = 64;
const MAX_FINGERPRINTS = 16;
/** Characters of the reason that are told, of ASCII: with all secrets that there may be, the proof fits its record. */
const MAX_WHY = 200;
const NO_ASCII = /[^\x20-\x7e]/g;

/**
 * A proof is `<facts>.<mac>.<mac>…`: JSON in base64url, and for each secret that the node knows an HMAC-SHA256 of facts and
 * name, so that whoever signs with any of them sees that the node knows it, in the middle of a rotation too.
 */
export class Membership {
  /** Of the secrets, in their order. */
  readonly fingerprints: readonly string[];
  readonly #keys: readonly Buffer[];

  /** The first secret signs. Throws `TypeError` where there is none, or one is too short. */
  constructor(secrets: readonly string[]) {
    if (secrets.length === 0) throw new TypeError('membership needs a secret');
    this.#keys = secrets.map(memberKey);
    this.fingerprints = secrets.map(fingerprintOf);
  }

  /** The fingerprint of the secret that signs. */
  get signer(): string {
    return this.fingerprints[0] ?? '';
  }

  prove(name: MemberName, facts: MemberFacts): string {
    const claim = {
      ...facts,
      why: facts.why?.slice(0, MAX_WHY).replaceAll(NO_ASCII, '?'),
      fingerprints: this.fingerprints,
    };
    const text = Buffer.from(JSON.stringify(claim)).toString('base64url');
    return [text, ...this.#keys.map((key) => macOf(key, name, text))].join('.');
  }

  /** What a proof says; `undefined` for what is none. */
  read(name: MemberName, proof: string): MemberClaim | undefined {
    if (proof.length > MAX_PROOF_BYTES) return undefined;
    const [text = '', ...macs] = proof.split('.', 1 + MAX_FINGERPRINTS);
    const facts = factsOf(text);
    const [signing] = this.#keys;
    if (facts === undefined || signing === undefined) return undefined;
    const expected = Buffer.from(macOf(signing, name, text));
    const isMember = macs.some((mac) => isSame(Buffer.from(mac), expected));
    return { ...facts, isMember };
  }
}

function macOf(key: Buffer, { id, url, incarnation }: MemberName, text: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([id, url, incarnation, text]))
    .digest('base64url');
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Copies what has the right types: whoever may write in Redis may have written it. */
function factsOf(text: string): Omit<MemberClaim, 'isMember'> | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof json !== 'object' || json === null) return undefined;
    const field = (name: string): unknown => (Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined);
    const [timeMs, startedAtMs, version, engine] = ['timeMs', 'startedAtMs', 'version', 'engine'].map(field);
    const fingerprints = field('fingerprints');
    if (!isTime(timeMs) || !isTime(startedAtMs) || !isText(version) || !isText(engine)) return undefined;
    if (!Array.isArray(fingerprints) || fingerprints.length > MAX_FINGERPRINTS || !fingerprints.every(isText)) {
      return undefined;
    }
    const why = field('why');
    const isSaid = typeof why === 'string' && why !== '';
    return { timeMs, startedAtMs, version, engine, fingerprints, ...(isSaid && { why: why.slice(0, MAX_WHY) }) };
  } catch {
    // What is no JSON is no proof.
    return undefined;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}
