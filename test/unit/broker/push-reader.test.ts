// Messages of subscriptions are taken out of what Redis sends, however it comes; everything else is left as it was.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PushReader } from '../../../src/broker/redis/push-reader.js';

/** What a reader does with pieces of bytes, in its order. */
function readAll(kind: 'message' | 'smessage', pieces: readonly Buffer[]) {
  const events: (readonly ['message', string, string] | readonly ['rest', string])[] = [];
  let rest = '';
  const left = (): void => {
    if (rest !== '') events.push(['rest', rest]);
    rest = '';
  };
  const reader = new PushReader(kind, (name, payload) => {
    left();
    events.push(['message', name, payload.toString('latin1')]);
  });
  for (const piece of pieces) {
    reader.read(piece, (bytes) => {
      rest += bytes.toString('latin1');
    });
  }
  left();
  return events;
}

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((begin, index) => bytes.subarray(begin, at[index] ?? bytes.length));
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const messageOf = (kind: string, type: string, name: string, payload: string) =>
  `${type}3\r\n${bulk(kind)}${bulk(name)}${bulk(payload)}`;

const word = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const simple = fc.constantFrom(
  '+OK\r\n',
  '-ERR no\r\n',
  ':12\r\n',
  '_\r\n',
  '#t\r\n',
  ',1.5\r\n',
  '(12345678901234567890\r\n',
);
const scalar = fc.oneof(simple, word.map(bulk), fc.constantFrom('$-1\r\n', '*-1\r\n', '*0\r\n', '=7\r\ntxt:abc\r\n'));
const reply = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 4 }).map((all) => `*${all.length}\r\n${all.join('')}`),
  fc.array(scalar, { maxLength: 4 }).map((all) => `*1\r\n>${all.length}\r\n${all.join('')}`),
  fc.tuple(scalar, scalar).map((pair) => `%1\r\n${pair.join('')}`),
  fc.tuple(scalar, scalar, scalar).map(([name, value, behind]) => `|1\r\n${name}${value}${behind}`),
  // Like a message, but it is the answer to a question about one.
  word.map((text) => `*1\r\n*3\r\n${bulk('message')}${bulk('a')}${bulk(text)}`),
  word.map((text) => messageOf('subscribe', '>', 'a', text)),
);
const push = fc.record({ type: fc.constantFrom('*', '>'), name: word, payload: word });

it('hands on every message and leaves every other reply, whole and in order, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(push, reply), { maxLength: 20 }),
      fc.array(fc.nat({ max: 2_000 }), { maxLength: 12 }),
      fc.constantFrom('message' as const, 'smessage' as const),
      (replies, cuts, kind) => {
        const text = replies
          .map((one) => (typeof one === 'string' ? one : messageOf(kind, one.type, one.name, one.payload)))
          .join('');
        const expected: unknown[] = [];
        let rest = '';
        const left = (): void => {
          if (rest !== '') expected.push(['rest', rest]);
          rest = '';
        };
        for (const one of replies) {
          if (typeof one === 'string') rest += one;
          else {
            left();
            expected.push(['message', one.name, one.payload]);
          }
        }
        left();
        expect(readAll(kind, piecesOf(Buffer.from(text, 'latin1'), cuts))).toEqual(expected);
      },
    ),
    { numRuns: 2_000 },
  );
});

it('joins the pieces of a long message once, not at each piece', () => {
  const bytes = Buffer.from(messageOf('message', '>', 'a', 'x'.repeat(1_000_000)));
  const pieces = Array.from({ length: Math.ceil(bytes.length / 100) }, (_, n) =>
    bytes.subarray(n * 100, n * 100 + 100),
  );
  const { concat } = Buffer;
  let joined = 0;
  Buffer.concat = (list, total) => {
    joined++;
    return concat(list, total);
  };
  try {
    expect(readAll('message', pieces)).toHaveLength(1);
  } finally {
    Buffer.concat = concat;
  }
  expect(joined).toBe(1);
});

it.each([
  ['an unknown type', '!?!\r\n'],
  ['a length that is none', '$x\r\nabc\r\n'],
  ['a message whose payload is no bulk', `>3\r\n${bulk('message')}${bulk('a')}:1\r\n`],
  ['a message of no length', `>3\r\n${bulk('message')}$-1\r\n${bulk('a')}`],
])('leaves everything from %s on to the client, whose error it is', (_, wrong) => {
  const good = messageOf('message', '>', 'a', 'b');
  const pieces = [`${good}+OK\r\n${wrong}`, good].map((text) => Buffer.from(text));
  expect(readAll('message', pieces)).toEqual([
    ['message', 'a', 'b'],
    ['rest', `+OK\r\n${wrong}${good}`],
  ]);
});
