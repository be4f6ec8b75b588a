// Checks a verified token's claims and copies the few that count into an identity.

import { FanfareError } from '../lib/errors.js';
import { field, LIMITS } from '../protocol/index.js';
import { readGrants } from './grant-patterns.js';
import type { Identity } from './identity.js';
import { invalidClaim, type JsonRecord, kindOf } from './token-text.js';

/** Chosen: as long as a client waits for anything; who makes tokens for later hands them out too early. */
const MAX_WAIT_MS = 300_000;
const LONE_SURROGATE = /\p{Surrogate}/u;

export interface ClaimRules {
  /** What `iss` must be; `undefined`: not checked. */
  readonly issuer: string | undefined;
  /** One of `aud` must be one of these; empty: not checked. */
  readonly audiences: readonly string[];
  /** How far clocks may differ, in milliseconds. */
  readonly toleranceMs: number;
  /** The longest `exp − iat`, in milliseconds. */
  readonly maxLifetimeMs: number;
  /** Whether the pattern `*` may grant everything. */
  readonly allowStar: boolean;
}

/**
 * The identity in the payload of a user's token whose signature has been verified. Throws `token_claim_invalid` naming
 * the claim, `token_expired` or `token_not_yet_valid`.
 *
 * A token without `iat` counts as issued in 1970, so that revoking what was issued before a moment never misses it.
 */
export function identityOf(payload: JsonRecord, rules: ClaimRules, nowMs: number): Identity {
  checkIssuer(field(payload, 'iss'), rules.issuer);
  checkAudience(field(payload, 'aud'), rules.audiences);
  const times = checkTimes(payload, rules, nowMs);
  const user = subjectOf(field(payload, 'sub'));
  return {
    kind: 'token',
    user,
    grants: readGrants(field(payload, 'fanfare'), user, rules.allowStar),
    ...times,
    toleranceMs: rules.toleranceMs,
    tokenId: tokenIdOf(field(payload, 'jti')),
    connection: undefined,
    reservation: undefined,
  };
}

/** Throws unless `nowMs` lies before `expiresAtMs`, give or take the tolerance. */
export function checkExpiry(expiresAtMs: number, toleranceMs: number, nowMs: number): void {
  if (nowMs >= expiresAtMs + toleranceMs) {
    throw new FanfareError('token_expired', `exp: expired ${Math.floor((nowMs - expiresAtMs) / 1000)} s ago`);
  }
}

/** Throws `token_claim_invalid` unless `aud` names one of `audiences`. */
export function checkAudience(value: unknown, audiences: readonly string[]): void {
  if (audiences.length === 0) return;
  const named: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (named.length === 0 || !named.every((item) => typeof item === 'string')) {
    throw invalidClaim('aud', `expected a string or an array of strings, got ${kindOf(value)}`);
  }
  if (!named.some((item) => audiences.includes(item as string)))
    throw invalidClaim('aud', 'this token is not meant for us');
}

/** Throws `token_claim_invalid` unless `iss` is exactly `issuer`. */
export function checkIssuer(value: unknown, issuer: string | undefined): void {
  if (issuer !== undefined && value !== issuer) {
    throw invalidClaim('iss', `expected exactly the configured issuer, got ${kindOf(value)}`);
  }
}

/** A finite number of seconds as whole milliseconds, or `undefined` when the claim is absent. */
export function secondsOf(payload: JsonRecord, name: string): number | undefined {
  const value = field(payload, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalidClaim(name, `expected a finite number of seconds, got ${kindOf(value)}`);
  }
  return Math.round(value * 1000);
}

function checkTimes(payload: JsonRecord, rules: ClaimRules, nowMs: number) {
  const expiresAtMs = secondsOf(payload, 'exp');
  if (expiresAtMs === undefined) throw invalidClaim('exp', 'expected seconds since 1970, got nothing');
  const issuedAtMs = secondsOf(payload, 'iat');
  const notBeforeMs = secondsOf(payload, 'nbf');
  // Without iat the token may just have been made on a clock that is ahead by the tolerance.
  const lifetimeMs = expiresAtMs - (issuedAtMs ?? nowMs + rules.toleranceMs);
  if (lifetimeMs > rules.maxLifetimeMs) {
    throw invalidClaim(
      'exp',
      `expected at most ${rules.maxLifetimeMs / 1000} seconds after iat, got ${lifetimeMs / 1000}`,
    );
  }
  checkExpiry(expiresAtMs, rules.toleranceMs, nowMs);
  checkBegun('iat', issuedAtMs, rules, nowMs);
  checkBegun('nbf', notBeforeMs, rules, nowMs);
  return { issuedAtMs: issuedAtMs ?? 0, expiresAtMs };
}

function checkBegun(name: string, fromMs: number | undefined, rules: ClaimRules, nowMs: number): void {
  if (fromMs !== undefined && fromMs > nowMs + rules.toleranceMs) {
    const seconds = Math.ceil((fromMs - nowMs) / 1000);
    const missingMs = Math.ceil(fromMs - nowMs - rules.toleranceMs);
    throw new FanfareError('token_not_yet_valid', `${name}: lies ${seconds} s in the future`, {
      retryAfterMs: Math.min(missingMs, MAX_WAIT_MS),
    });
  }
}

function subjectOf(value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw invalidClaim('sub', `expected a user's name, got ${kindOf(value)}`);
  return nameOf('sub', value);
}

function tokenIdOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '')
    throw invalidClaim('jti', `expected a string of 1 to ${LIMITS.maxSubjectBytes} bytes, got ${kindOf(value)}`);
  return nameOf('jti', value);
}

/** What a revocation can name, by the same rule: what none can would let its bearer in for good. */
function nameOf(claim: 'sub' | 'jti', value: string): string {
  const { maxSubjectBytes } = LIMITS;
  if (Buffer.byteLength(value) > maxSubjectBytes) {
    throw invalidClaim(claim, `expected at most ${maxSubjectBytes} bytes, got ${Buffer.byteLength(value)}`);
  }
  // Two names with different lone surrogates would have the same bytes.
  if (LONE_SURROGATE.test(value)) throw invalidClaim(claim, 'expected well-formed Unicode');
  return value;
}
