// Signs and verifies tickets: short-lived JWTs that discovery issues for the nodes of its cluster.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { FanfareError } from '../lib/errors.js';
import { field, LIMITS, TICKET_TYPE } from '../protocol/index.js';
import { checkAudience, checkExpiry, checkIssuer, secondsOf } from './claims.js';
import { GrantPool } from './grant-pool.js';
import { type Authenticator, type Grants, type Identity, NO_PATTERNS } from './identity.js';
import { KnownTickets } from './known-tickets.js';
import { ticketKey } from './ticket-key.js';
import {
  decodeJson,
  invalidClaim,
  isTicketHeader,
  type JsonRecord,
  readTokenText,
  type TokenText,
} from './token-text.js';

/** 2: `connection` names a session, not a ticket. */
const TICKET_VERSION = 2;
const HEADER = Buffer.from(JSON.stringify({ alg: 'HS256', typ: TICKET_TYPE })).toString('base64url');
const BEGINNING = `${HEADER}.`;

export interface TicketAuthorityOptions {
  /** At least 32 bytes each; see {@link ticketKey}. The first signs, all verify, so that secrets can be rotated. */
  readonly secrets: readonly string[];
  /** The cluster: a ticket for another one is refused. */
  readonly audience: string;
  /** Who signs; default `fanfare`. */
  readonly issuer: string;
  /** How far clocks may differ; default 5,000 ms. */
  readonly toleranceMs: number;
  /** Verified tickets that are remembered, at most 32 MiB of text; default 20,000. 0 turns it off. */
  readonly maxCached: number;
  readonly clock: () => number;
}

/** What a ticket says beyond its owner's identity. */
export interface TicketTerms {
  /** Of {@link sessionId}. */
  readonly connection: string;
  /** The reserved place, to be claimed at a node. */
  readonly reservation?: string | undefined;
  /** Default 1 h; the token's own expiry comes first. */
  readonly maxLifeMs?: number;
}

export interface Ticket {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** Makes tickets, and knows them again. */
export interface TicketAuthority extends Authenticator {
  /** Throws `token_claim_invalid` when the grants are too large for a ticket of 8 KiB. */
  sign(identity: Identity, terms: TicketTerms): Ticket;
  /** At once. Throws `FanfareError` with a `token_…` code or `wrong_token_kind`. */
  verify(text: string, remember?: boolean): Identity;
  /** As {@link verify}, of a ticket that is remembered; `undefined` of every other text. */
  recall(text: string): Identity | undefined;
  /** As {@link verify}, of a ticket that is not remembered. */
  verifyAfresh(text: string, remember?: boolean): Identity;
}

const DEFAULTS = { issuer: 'fanfare', toleranceMs: 5_000, maxCached: 20_000, clock: Date.now } as const;
const MAX_LIFE_MS = 3_600_000;
const MAX_CACHED_CHARS = 32 * 1024 * 1024;

/** Makes the authority of one cluster. Throws `TypeError` for a secret that is too short. */
export function createTicketAuthority(
  given: Partial<TicketAuthorityOptions> & Pick<TicketAuthorityOptions, 'secrets' | 'audience'>,
): TicketAuthority {
  const options: TicketAuthorityOptions = { ...DEFAULTS, ...given };
  const keys = options.secrets.map(ticketKey);
  const [signing] = keys;
  if (signing === undefined) throw new TypeError('a ticket authority needs a secret');
  const known = options.maxCached > 0 ? new KnownTickets(options.maxCached, MAX_CACHED_CHARS) : undefined;
  const pool = new GrantPool();
  const recall = (text: string): Identity | undefined => {
    if (known === undefined) return undefined;
    const nowMs = options.clock();
    const found = known.find(text, nowMs);
    if (found === undefined) return undefined;
    if (nowMs >= found.expiresAtMs + options.toleranceMs) known.forget(text);
    checkExpiry(found.expiresAtMs, options.toleranceMs, nowMs);
    return found;
  };
  const verifyAfresh = (text: string, remember = true): Identity => {
    const identity = identityOf(verifiedPayload(text, keys), options, pool);
    const nowMs = options.clock();
    checkExpiry(identity.expiresAtMs, options.toleranceMs, nowMs);
    if (remember) known?.add(text, identity, nowMs, nowMs - options.toleranceMs);
    return identity;
  };

  return {
    sign(identity, terms) {
      const expiresAtMs = Math.min(identity.expiresAtMs, options.clock() + (terms.maxLifeMs ?? MAX_LIFE_MS));
      const payload = Buffer.from(JSON.stringify(claimsOf(identity, terms, expiresAtMs, options))).toString(
        'base64url',
      );
      const signed = `${BEGINNING}${payload}`;
      const text = `${signed}.${signatureOf(signed, signing)}`;
      if (text.length > LIMITS.maxTokenBytes) {
        throw new FanfareError('token_claim_invalid', 'fanfare: the grants are too large for a ticket');
      }
      return { text, expiresAtMs };
    },
    verify: (text, remember) => recall(text) ?? verifyAfresh(text, remember),
    recall,
    verifyAfresh,
  };
}

function claimsOf(identity: Identity, terms: TicketTerms, expiresAtMs: number, options: TicketAuthorityOptions) {
  return {
    v: TICKET_VERSION,
    iss: options.issuer,
    aud: options.audience,
    ...(identity.user !== null && { sub: identity.user }),
    ...(identity.tokenId !== undefined && { jti: identity.tokenId }),
    iat: identity.issuedAtMs / 1000,
    exp: expiresAtMs / 1000,
    fanfare: identity.grants,
    connection: terms.connection,
    ...(terms.reservation !== undefined && { reservation: terms.reservation }),
  };
}

/** What a ticket says that one of the keys has signed. Throws what is wrong with it. */
function verifiedPayload(text: string, keys: readonly Buffer[]): JsonRecord {
  const isOwn = text.length <= LIMITS.maxTokenBytes && text.startsWith(BEGINNING);
  return decodeJson(isOwn ? ownPayload(text, keys) : foreignPayload(readTokenText(text), keys), 'payload');
}

/** Of a ticket that begins as this release writes them: where it is signed letter by letter, nothing else need be looked at. */
function ownPayload(text: string, keys: readonly Buffer[]): string {
  const end = text.lastIndexOf('.');
  if (isSigned(text.slice(0, end), text.slice(end + 1), keys)) return text.slice(BEGINNING.length, end);
  // What is no token at all says so.
  readTokenText(text);
  throw badSignature();
}

function foreignPayload({ text, header, payload, signature }: TokenText, keys: readonly Buffer[]): string {
  checkHeader(header);
  if (isSigned(text.slice(0, text.length - signature.length - 1), signature, keys)) return payload;
  throw badSignature();
}

function badSignature(): FanfareError {
  return new FanfareError('token_signature_invalid', "the ticket's signature does not verify");
}

function checkHeader(header: JsonRecord): void {
  if (!isTicketHeader(header)) {
    throw new FanfareError('wrong_token_kind', "typ: a user's token stands where a ticket belongs");
  }
  if (field(header, 'alg') !== 'HS256') {
    throw new FanfareError('token_alg_not_allowed', 'alg: a ticket is signed with HS256');
  }
  if (field(header, 'crit') !== undefined || field(header, 'b64') !== undefined) {
    throw new FanfareError('token_unsupported', 'crit: not supported');
  }
}

/** Letter by letter: the text of a signature is not unique where its last bits are unused. */
function isSigned(signed: string, signature: string, keys: readonly Buffer[]): boolean {
  const given = Buffer.from(signature);
  return keys.some((key) => {
    const expected = Buffer.from(signatureOf(signed, key));
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** Copies a ticket's claims. They are ours, so a wrong type means another release or a leaked secret. */
function identityOf(payload: JsonRecord, options: TicketAuthorityOptions, pool: GrantPool): Identity {
  if (field(payload, 'v') !== TICKET_VERSION) throw invalidClaim('v', 'not a version of tickets that is known here');
  checkIssuer(field(payload, 'iss'), options.issuer);
  checkAudience(field(payload, 'aud'), [options.audience]);
  const expiresAtMs = secondsOf(payload, 'exp');
  const issuedAtMs = secondsOf(payload, 'iat');
  if (expiresAtMs === undefined || issuedAtMs === undefined) throw invalidClaim('exp', 'expected exp and iat');
  const grants = field(payload, 'fanfare') as JsonRecord | null | undefined;
  if (typeof grants !== 'object' || grants === null) throw invalidClaim('fanfare', 'expected an object of lists');
  const connection = optionalText(payload, 'connection');
  if (connection === undefined) throw invalidClaim('connection', 'expected a string');
  return {
    kind: 'ticket',
    user: optionalText(payload, 'sub') ?? null,
    grants: pool.of(copyGrants(grants)),
    issuedAtMs,
    expiresAtMs,
    toleranceMs: options.toleranceMs,
    tokenId: optionalText(payload, 'jti'),
    connection,
    reservation: optionalText(payload, 'reservation'),
  };
}

function copyGrants(grants: JsonRecord): Grants {
  const list = (name: string): readonly string[] => {
    const value = field(grants, name);
    if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) {
      return value.length === 0 ? NO_PATTERNS : value;
    }
    throw invalidClaim(`fanfare.${name}`, 'expected an array of strings');
  };
  const isLive = field(grants, 'publishLive') !== undefined;
  return {
    subscribe: list('subscribe'),
    publish: list('publish'),
    presence: list('presence'),
    ...(isLive && { publishLive: list('publishLive') }),
  };
}

function optionalText(payload: JsonRecord, name: string): string | undefined {
  const value = field(payload, name);
  if (value !== undefined && typeof value !== 'string') throw invalidClaim(name, 'expected a string');
  return value;
}

/** As text, which node:crypto hands over at half the price of a buffer (measured). */
function signatureOf(signed: string, key: Buffer): string {
  return createHmac('sha256', key).update(signed).digest('base64url');
}
