// Reads the text of a compact JWT: bounds and shape first, then its header, nothing verified yet.

import { FanfareError } from '../lib/errors.js';
import { field, LIMITS, TICKET_TYPE } from '../protocol/index.js';

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

export type JsonRecord = { readonly [key: string]: unknown };

/** A compact JWT cut into its parts; nothing of it may be believed. */
export interface TokenText {
  readonly text: string;
  readonly header: JsonRecord;
  /** Base64url, undecoded. */
  readonly payload: string;
  readonly signature: string;
}

/** Cuts a token into its parts. Throws `token_malformed` unless it is three base64url parts of at most 8 KiB with a JSON header. */
export function readTokenText(text: string): TokenText {
  if (text.length > LIMITS.maxTokenBytes) {
    throw malformed(`a token has at most ${LIMITS.maxTokenBytes} bytes, this one has ${text.length}`);
  }
  if (!COMPACT.test(text)) throw malformed('expected three base64url parts joined by dots');
  const parts = text.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.some((part) => part.length % 4 === 1)) throw malformed('a part is not base64url');
  return { text, header: decodeHeader(header), payload, signature };
}

/** Chosen: no header of ours is longer. */
const MAX_KNOWN_HEADER_LENGTH = 512;
/** That of the last token: all that one key has signed have the same. */
let known: { readonly text: string; readonly header: JsonRecord } | undefined;

function decodeHeader(text: string): JsonRecord {
  if (known?.text === text) return known.header;
  const header = Object.freeze(decodeJson(text, 'header'));
  if (text.length <= MAX_KNOWN_HEADER_LENGTH) known = { text, header };
  return header;
}

/** Making one takes longer than what it decodes here. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes one part to a JSON object. Throws `token_malformed`. */
export function decodeJson(part: string, name: 'header' | 'payload'): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')));
  } catch (cause) {
    throw malformed(`the ${name} is not JSON`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`the ${name} is not a JSON object`);
  }
  return value as JsonRecord;
}

/** Whether a header says that its token is one of our tickets. Throws `token_malformed` when `typ` is no string. */
export function isTicketHeader(header: JsonRecord): boolean {
  return typeOf(header) === TICKET_TYPE;
}

/**
 * Whether a header may be that of a user's token: a JWT, or an access token (RFC 9068). What an issuer signs for other ends, as
 * security events, says so there, and lets nobody in (RFC 8725 section 3.11). Throws as {@link isTicketHeader}.
 */
export function isTokenHeader(header: JsonRecord): boolean {
  const type = typeOf(header);
  return type === undefined || type === 'jwt' || type === 'at+jwt';
}

/** RFC 7515 section 4.1.9: media types ignore case and may be written in full. */
function typeOf(header: JsonRecord): string | undefined {
  const typ = field(header, 'typ');
  if (typ === undefined) return undefined;
  if (typeof typ !== 'string') throw malformed(`typ: expected a string, got ${kindOf(typ)}`);
  return typ.toLowerCase().replace(/^application\//, '');
}

/** What a value is, for an error message that never repeats a peer's text. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A claim that is not what it must be. */
export function invalidClaim(name: string, message: string): FanfareError {
  return new FanfareError('token_claim_invalid', `${name}: ${message}`);
}

function malformed(message: string, cause?: unknown): FanfareError {
  return new FanfareError('token_malformed', message, { cause });
}
