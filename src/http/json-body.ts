// What a request's body has to be, on a node as at discovery: JSON in UTF-8, as it is, and called so.

import { isUtf8 } from 'node:buffer';
import { FanfareError } from '../lib/errors.js';
import { MEDIA_TYPES } from '../protocol/index.js';

/** Each parameter of a media type with its value, a quoted one as a whole; around `=` is taken what nobody may write there. */
const PARAMETER = /;[ \t]*([^=;" \t]+)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\.)*"?|[^;]*))?/g;
/** Also in the extended ways of writing it (RFC 2231), which are none for JSON. */
const CHARSET = /^charset(?:\*|$)/i;
const UTF_8 = /^utf-?8$/i;

/** What its headers say. */
export interface BodyHead {
  readonly type: string | undefined;
  readonly encoding: string | undefined;
}

/** Throws `unsupported_media_type` for what is not JSON in UTF-8, or is compressed. */
export function requireJson({ type, encoding = '' }: BodyHead): void {
  if (type !== MEDIA_TYPES.json) requireJsonType(type);
  if (encoding !== '' && encoding.toLowerCase() !== 'identity')
    throw refusal('Content-Encoding', 'no encoding', encoding);
}

function requireJsonType(given: string | undefined): void {
  const [type = ''] = (given ?? '').split(';', 1);
  if (type.trimEnd().toLowerCase() !== MEDIA_TYPES.json) throw refusal('Content-Type', MEDIA_TYPES.json, given);
  for (const [, name = '', value = ''] of (given ?? '').matchAll(PARAMETER)) {
    const charset = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value.trimEnd();
    if (CHARSET.test(name) && !UTF_8.test(charset)) throw refusal('Content-Type', 'charset utf-8', charset);
  }
}

function refusal(header: string, expected: string, got: string | undefined): FanfareError {
  const found = got === undefined ? 'nothing' : JSON.stringify(got.slice(0, 60));
  return new FanfareError('unsupported_media_type', `${header}: expected ${expected}, got ${found}`);
}

/** The text of a body; throws `body_not_json` where its bytes are not UTF-8, which no replacement character may stand for. */
export function textOf(body: Buffer): string {
  if (!isUtf8(body)) throw new FanfareError('body_not_json', 'the body is not UTF-8');
  return body.toString('utf8');
}
