// Reads the addresses that proxies have written into a request: `X-Forwarded-For`, and `Forwarded` (RFC 7239).

import { isIP } from 'node:net';
import { plainAddress } from './address.js';

/** More hops than any real chain has; what lies beyond is not looked at. */
const MAX_HOPS = 16;
const WITH_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::[A-Za-z0-9._-]+)?$/;
/** One `name=value` and what ends it. RFC 7239 wants colons and brackets in quotes; not every proxy writes them. */
const PAIR = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?[ \t]*([;,]|$)/y;

/** The entries of `X-Forwarded-For`, nearest first. */
export function listedHops(header: string): readonly string[] {
  return header.split(',').slice(-MAX_HOPS).reverse();
}

/**
 * What the elements of `Forwarded` say behind `for=`, nearest first; `''` for one that does not say it. Empty where the header
 * breaks the grammar: a quote that a client opens must not swallow what a proxy adds behind it.
 */
export function forwardedHops(header: string): readonly string[] {
  const hops: string[] = [];
  let hop = '';
  PAIR.lastIndex = 0;
  for (;;) {
    const [pair, name = '', quoted, plain = '', end] = PAIR.exec(header) ?? [];
    if (pair === undefined) return [];
    if (name.toLowerCase() === 'for') hop = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (end === ';') continue;
    hops.push(hop);
    hop = '';
    if (end === '') return hops.slice(-MAX_HOPS).reverse();
  }
}

/** The address of one hop, with or without quotes, brackets and port; `undefined` for `unknown`, `_hidden` and the like. */
export function addressOfHop(hop: string): string | undefined {
  const text = hop.trim().replace(/^"(.*)"$/, '$1');
  const plain = plainAddress(text);
  if (isIP(plain) !== 0) return plain;
  const [, bracketed, dotted] = WITH_PORT.exec(text) ?? [];
  const address = plainAddress(bracketed ?? dotted ?? '');
  return isIP(address) === 0 ? undefined : address;
}
