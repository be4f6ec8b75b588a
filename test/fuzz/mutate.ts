// Damages bytes at random: flips, cuts, repeats, swaps, and puts words in that parsers trip over.

import type { Random } from '../support/random.js';
import type { Bytes } from './input.js';

const WORDS: readonly Bytes[] = [
  ...[
    '\0',
    '\r\n',
    '\n\n',
    '\r\n\r\n',
    '0\r\n\r\n',
    ';',
    ':',
    ',',
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    '{',
    '[',
    ']',
    '}',
  ],
  ...['\xff\xfe', '\xed\xa0\x80', '\xc0\xaf', '\xef\xbb\xbf', '\x01', '\x011', '%00', '%zz', '../', '${sub}', '*'],
  ...['Infinity', 'NaN', '-0', '1e400', '9007199254740993', '-1', '4294967296', '18446744073709551616', 'null', '[]'],
  ...[
    '__proto__',
    'constructor',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Upgrade: h2c\r\nConnection: Upgrade\r\n',
    'X-Forwarded-For: 10.0.0.1\r\n',
    'HTTP/1.0',
    'HTTP/9.9',
    'ffffffff\r\n',
  ],
];
const MAX_LENGTH = 200_000;

type Mutation = (random: Random, bytes: Bytes) => Bytes;

const MUTATIONS: readonly Mutation[] = [
  (random, bytes) => spliced(bytes, random.below(bytes.length + 1), 0, random.pick(WORDS)),
  (random, bytes) => spliced(bytes, random.below(bytes.length + 1), 1 + random.below(8), random.pick(WORDS)),
  (random, bytes) => spliced(bytes, random.below(bytes.length + 1), 1, String.fromCharCode(random.below(256))),
  (random, bytes) => flipped(bytes, random.below(bytes.length + 1), 1 << random.below(8)),
  (random, bytes) => spliced(bytes, random.below(bytes.length + 1), 1 + random.below(20), ''),
  (random, bytes) => bytes.slice(0, random.below(bytes.length + 1)),
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return spliced(bytes, at, 0, bytes.slice(at, at + 1 + random.below(40)).repeat(1 + random.below(30)));
  },
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return bytes.slice(at) + bytes.slice(0, at);
  },
];

/** A few times damaged. */
export function mutated(random: Random, bytes: Bytes): Bytes {
  let result = bytes;
  for (let n = 1 + random.below(4); n > 0; n--) result = random.pick(MUTATIONS)(random, result).slice(0, MAX_LENGTH);
  return result;
}

/** Cut at random into at most `most` segments. */
export function segmented(random: Random, bytes: Bytes, most: number): readonly Bytes[] {
  const cuts = Array.from({ length: random.below(most) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);
  return [...cuts, bytes.length].map((end, n) => bytes.slice(n === 0 ? 0 : cuts[n - 1], end));
}

function spliced(bytes: Bytes, at: number, cut: number, put: Bytes): Bytes {
  return bytes.slice(0, at) + put + bytes.slice(at + cut);
}

function flipped(bytes: Bytes, at: number, bits: number): Bytes {
  return spliced(bytes, at, 1, String.fromCharCode((bytes.charCodeAt(at) || 0) ^ bits));
}
