// Decodes what a backend asks of revocations.

import {
  type Decoded,
  decoding,
  field,
  optionalInteger,
  parseRecord,
  picture,
  refuse,
  type UnknownRecord,
} from './decode.js';
import type { RevocationRequest } from './http.js';
import { LIMITS } from './limits.js';

const LONE_SURROGATE = /\p{Surrogate}/u;
/** The year 5138, as in JavaScript's dates. */
const MAX_SECONDS = 1e11;
const ONE_OF = 'expected exactly one of "jti", "sub" and "issuedBefore"';

/** Decodes the body of `POST /v1/revocations`. */
export function decodeRevocationRequest(body: string): Decoded<RevocationRequest> {
  return decoding(() => {
    const record = parseRecord(body, 'body_not_json');
    const jti = optionalName(record, 'jti');
    const sub = optionalName(record, 'sub');
    const issuedBefore = optionalInteger(record, 'issuedBefore', 0, MAX_SECONDS);
    if ([jti, sub, issuedBefore].filter((one) => one !== undefined).length !== 1) refuse('bad_field', ONE_OF);
    const ban = field(record, 'ban');
    if (ban !== undefined && (typeof ban !== 'boolean' || (ban && sub === undefined))) {
      refuse('bad_field', `"ban": expected true or false, and true only with "sub", got ${picture(ban)}`);
    }
    const reason = optionalName(record, 'reason', LIMITS.maxReasonBytes);
    const expiresInMs = optionalInteger(record, 'expiresInMs', 1, LIMITS.maxRevocationMs);
    return {
      ...(jti !== undefined && { jti }),
      ...(sub !== undefined && { sub }),
      ...(ban === true && { ban }),
      ...(issuedBefore !== undefined && { issuedBefore }),
      ...(reason !== undefined && { reason }),
      ...(expiresInMs !== undefined && { expiresInMs }),
    };
  });
}

/** Decodes the body of `POST /v1/users/disconnect`: the user's name. */
export function decodeDisconnectRequest(body: string): Decoded<string> {
  return decoding(() => {
    const sub = optionalName(parseRecord(body, 'body_not_json'), 'sub');
    return sub ?? refuse('bad_field', '"sub": expected the name of a user, got nothing');
  });
}

/** Names the rule that a user's name in a path breaks, or answers `undefined`. */
export function userNameProblem(sub: string): string | undefined {
  if (bytesOf(sub) > LIMITS.maxSubjectBytes) return `a user's name has at most ${LIMITS.maxSubjectBytes} bytes`;
  return LONE_SURROGATE.test(sub) ? "a user's name is well-formed Unicode" : undefined;
}

/** What no token could carry would revoke nothing. */
function optionalName(
  record: UnknownRecord,
  name: string,
  maxBytes: number = LIMITS.maxSubjectBytes,
): string | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && bytesOf(value) <= maxBytes && !LONE_SURROGATE.test(value))
    return value;
  refuse('bad_field', `"${name}": expected well-formed text of 1 to ${maxBytes} bytes, got ${picture(value)}`);
}

/** In UTF-8. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
