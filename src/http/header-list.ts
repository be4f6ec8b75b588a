// The headers of one request, copied, in the order in which they came.

import { FanfareError } from '../lib/errors.js';

/** Headers that may stand in a request only once: two of them are how requests are smuggled. */
function isSingle(name: string): boolean {
  return name === 'content-length' || name === 'host' || name === 'authorization';
}

/** A flat list, because a request has some ten headers and a node looks at two or three. */
export class HeaderList {
  /** name, value, name, value … with lower-case names. */
  #flat: string[] = [];
  #bytes = 0;
  #repeated: string | undefined;

  /** `name` is in lower case. */
  add(name: string, value: string): void {
    if (this.#repeated === undefined && isSingle(name) && this.get(name) !== undefined) this.#repeated = name;
    this.#flat.push(name, value);
    this.#bytes += name.length + value.length + 4;
  }

  /** The value by lower-case name; repeated headers are joined with `, ` as RFC 9110 says. */
  get(name: string): string | undefined {
    const flat = this.#flat;
    let found: string | undefined;
    for (let index = 0; index < flat.length; index += 2) {
      if (flat[index] === name) found = found === undefined ? flat[index + 1] : `${found}, ${flat[index + 1]}`;
    }
    return found;
  }

  /** Forgets all others: whoever waits for its answer needs them no more. */
  keepOnly(name: string): void {
    const value = this.get(name);
    this.#flat = value === undefined ? [] : [name, value];
  }

  /** Bytes of all header lines. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first header that came twice and must not. */
  get repeated(): string | undefined {
    return this.#repeated;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    const flat = this.#flat;
    for (let index = 0; index + 1 < flat.length; index += 2) yield [flat[index] ?? '', flat[index + 1] ?? ''];
  }
}

/** A list from what node:http calls `rawHeaders`. */
export function headerListFrom(rawHeaders: readonly string[]): HeaderList {
  const list = new HeaderList();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    list.add((rawHeaders[index] ?? '').toLowerCase(), rawHeaders[index + 1] ?? '');
  }
  return list;
}

/** Why what a request says of itself cannot be believed, so that others might read it otherwise; `undefined` when it can. */
export function framingProblem(headers: HeaderList): FanfareError | undefined {
  if (headers.repeated === 'authorization') {
    return new FanfareError('token_malformed', 'the request has more than one Authorization header');
  }
  if (headers.repeated !== undefined) {
    return new FanfareError('duplicate_header', `the request has more than one ${headers.repeated} header`);
  }
  const coding = headers.get('transfer-encoding');
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || headers.get('content-length') !== undefined)) {
    return new FanfareError('bad_request', 'Transfer-Encoding: only chunked is taken, and no Content-Length beside it');
  }
  // uWebSockets.js finds out only after the request has been handed over.
  if (!/^\d{1,15}$/.test(headers.get('content-length') ?? '0')) {
    return new FanfareError('bad_request', 'Content-Length: expected a number of bytes');
  }
  return undefined;
}

/** Those that were found to be good, and cannot have changed. */
const checked = new WeakSet<object>();

/** Throws `TypeError` at a line break in an answer's header: it would begin one of somebody else's choosing. */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  if (checked.has(headers)) return;
  for (const name in headers) {
    if (/[\r\n\0]/.test(headers[name] ?? '')) throw new TypeError(`header ${name} has a line break in its value`);
  }
  if (Object.isFrozen(headers)) checked.add(headers);
}
