// Events are written as JSON.stringify writes them, also those that are written by hand.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventText } from '../../../src/node/clients/event-text.js';
import { connectedEvent, connectedTerms } from '../../../src/node/clients/link-events.js';
import { NOBODY } from '../../../src/node/clients/visitor.js';
import { FEATURES } from '../../../src/protocol/index.js';

const limits = { maxFrameBytes: 65_536, maxMessageBytes: 32_768, channelsPerConnection: 128 };
const text = () =>
  fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '"', '\\', '\u2028', '\ud800', '</script>'));

it('says of a connection what JSON.stringify says, whatever names and numbers it has', () => {
  const connected = fc.record({
    id: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    terms: fc.record({
      id: text(),
      heartbeatMs: fc.nat(),
      pingMs: fc.nat(),
      limits: fc.constantFrom(limits, { ...limits }),
    }),
    user: fc.option(text(), { nil: null }),
    expiresAtMs: fc.constantFrom(Number.POSITIVE_INFINITY, 0, Date.now() + 3_600_000),
    link: fc.record({ connection: text(), heartbeatMs: fc.nat(), features: fc.subarray([...FEATURES]) }),
  });
  fc.assert(
    fc.property(connected, ({ id, terms, user, expiresAtMs, link }) => {
      const event = connectedEvent(terms, { ...NOBODY, user, expiresAtMs }, link, id);
      expect(JSON.parse(eventText(event))).toEqual(JSON.parse(JSON.stringify(event)));
    }),
  );
});

it('tells the limits of the node that says it, where a process has several', () => {
  const [one, other] = [128, 7].map((channelsPerConnection) =>
    connectedTerms({ id: 'n', heartbeatMs: 1, pingMs: 1, ...limits, channelsPerConnection }),
  );
  const link = { connection: 'c', heartbeatMs: 1, features: [] };
  for (const terms of [one, other, one]) {
    if (terms === undefined) throw new TypeError('there are two');
    expect(JSON.parse(eventText(connectedEvent(terms, NOBODY, link))).limits).toEqual(terms.limits);
  }
});

it('leaves out what is not so', () => {
  const terms = connectedTerms({ id: 'n', heartbeatMs: 1, pingMs: 1, ...limits });
  const event = connectedEvent(terms, NOBODY, { connection: 'c', heartbeatMs: 1, features: [] });
  expect(eventText(event)).toBe(
    `{"type":"connected","connection":"c","node":"n","user":null,"heartbeatMs":1,"limits":${JSON.stringify(limits)}}`,
  );
});

it('writes every other event as it is', () => {
  expect(eventText({ type: 'pong', id: 3 })).toBe('{"type":"pong","id":3}');
});
