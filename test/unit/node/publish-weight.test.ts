// How much a publish by HTTP may hold before it is parsed.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isHeavierThan } from '../../../src/node/transports/publish-weight.js';

const AROUND = 2_048;

it('no body is too heavy whose messages have data of at most so many bytes', () => {
  const message = fc.record({ channel: fc.string(), data: fc.jsonValue({ maxDepth: 6 }) });
  const bodies = fc.oneof(message, fc.record({ messages: fc.array(message, { maxLength: 30 }) }));
  fc.assert(
    fc.property(bodies, fc.boolean(), (body, spaced) => {
      const all = 'messages' in body ? body.messages : [body];
      const max = Math.max(0, ...all.map(({ data }) => JSON.stringify(data).length)) + 32;
      expect(isHeavierThan(JSON.stringify(body, undefined, spaced ? 1 : 0), max)).toBe(false);
    }),
  );
});

const heavy = `[${'0,'.repeat(AROUND)}0]`;
const tens = `{"channel":"a","data":{${Array.from({ length: 10 }, (_, n) => `"f${n}":"a,b:c{[\\""`).join(',')}}}`;

it.each([
  ['a batch of ordinary messages', `{"messages":[${Array(1_000).fill(tens).join(',')}]}`, false],
  ['what strings say', `{"channel":"a","data":"${',:{['.repeat(AROUND)}"}`, false],
  ['one message', `{"channel":"a","data":${heavy}}`, true],
  ['one message of a batch', `{"messages":[${tens},{"channel":"a","data":${heavy}},${tens}]}`, true],
  ['what stands beside the messages', `{"messages":[${tens}],"more":${heavy}}`, true],
  ['a list in another member', `{"more":[${'{},'.repeat(AROUND)}{}],"messages":[${tens}]}`, true],
  ['more messages than there may be', `{"messages":[${'1,'.repeat(AROUND + 1_000)}1]}`, true],
  ['what is no JSON', `${'['.repeat(AROUND + 1)}`, true],
  ['a string without an end', `{"channel":"${',\\"'.repeat(AROUND)}`, false],
])('%s', (_, body, isHeavy) => {
  expect(body.length).toBeGreaterThan(AROUND);
  expect(isHeavierThan(body, AROUND)).toBe(isHeavy);
});
