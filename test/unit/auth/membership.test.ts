// Proofs of membership: good for whoever shares the secret that signs, and for nobody else's name.

import { describe, expect, it } from 'vitest';
import { type MemberFacts, Membership } from '../../../src/auth/membership.js';
import { fingerprintOf, memberKey, ticketKey } from '../../../src/auth/ticket-key.js';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];
const NAME = { id: 'n1', url: 'https://n1.example', incarnation: '1800000000000-x' };
const FACTS: MemberFacts = { timeMs: 1_800_000_000_000, version: '0.1.0', engine: 'uws', startedAtMs: 1 };

const isMember = (node: readonly string[], discovery: readonly string[], name = NAME) =>
  new Membership(discovery).read(name, new Membership(node).prove(NAME, FACTS))?.isMember;

describe('a proof', () => {
  it('says what the node says, and which secrets it knows', () => {
    const proof = new Membership([A, B]).prove(NAME, FACTS);
    expect(new Membership([A]).read(NAME, proof)).toEqual({
      ...FACTS,
      fingerprints: [fingerprintOf(A), fingerprintOf(B)],
      isMember: true,
    });
  });

  it.each([
    [[A], [A], true],
    [[A, B], [A], true],
    [[A, B], [B, A], true],
    [[B, A], [A], true],
    [[B, A], [A, B], true],
    [[A], [B, A], false],
    [[A], [B], false],
    [[C], [A, B], false],
  ])('of a node with %j is good for a discovery with %j where the first of those is among them: %s', (...row) => {
    const [node, discovery, good] = row;
    expect(isMember(node, discovery)).toBe(good);
  });

  it.each([
    ['another id', { ...NAME, id: 'n2' }],
    ['another URL', { ...NAME, url: 'https://evil.example' }],
    ['another start', { ...NAME, incarnation: '1800000000001-x' }],
  ])('is none for %s', (_, name) => {
    expect(isMember([A], [A], name)).toBe(false);
  });

  it('is none when its facts were changed', () => {
    const [, ...macs] = new Membership([A]).prove(NAME, FACTS).split('.');
    const later = { ...FACTS, timeMs: FACTS.timeMs + 60_000, fingerprints: [] };
    const forged = [Buffer.from(JSON.stringify(later)).toString('base64url'), ...macs].join('.');
    expect(new Membership([A]).read(NAME, forged)).toMatchObject({ isMember: false });
  });

  it.each([
    ...['', '.', 'x.y', 'bnVsbA.x', `${Buffer.from('{}').toString('base64url')}.x`, 'x'.repeat(3_000)],
    Buffer.from(JSON.stringify({ ...FACTS, fingerprints: [1] })).toString('base64url'),
    Buffer.from(JSON.stringify({ ...FACTS, fingerprints: [], version: 'x'.repeat(65) })).toString('base64url'),
    Buffer.from('[1e999]').toString('base64url'),
  ])('that is %j says nothing', (proof) => {
    expect(new Membership([A]).read(NAME, proof)).toBeUndefined();
  });

  it('fits a record, with many secrets too', () => {
    const secrets = Array.from({ length: 8 }, (_, index) => String(index).repeat(40));
    expect(new Membership(secrets).prove(NAME, FACTS).length).toBeLessThan(1_024);
    const most = [...secrets, ...secrets.map((secret) => `${secret}!`)];
    expect(new Membership(most).prove(NAME, { ...FACTS, why: 'ä'.repeat(1_000) }).length).toBeLessThan(2_048);
  });

  it('says why the node is as it is, in so many characters, and nothing where it does not', () => {
    const said = (why: unknown) => {
      const facts = { ...FACTS, why } as MemberFacts;
      return new Membership([A]).read(NAME, new Membership([A]).prove(NAME, facts))?.why;
    };
    expect([said('48 of 48 links'), said('x'.repeat(300))]).toEqual(['48 of 48 links', 'x'.repeat(200)]);
    const written = (why: unknown) =>
      Buffer.from(JSON.stringify({ ...FACTS, fingerprints: [], why })).toString('base64url');
    expect([said(''), new Membership([A]).read(NAME, written(7))?.why]).toEqual([undefined, undefined]);
  });
});

it('keys for tickets and for proofs, and the fingerprint, are derived apart', () => {
  const texts = [ticketKey(A), memberKey(A)].map((key) => key.toString('base64url'));
  expect(new Set([...texts, fingerprintOf(A)]).size).toBe(3);
  expect(texts.some((text) => text.startsWith(fingerprintOf(A)))).toBe(false);
  expect(() => fingerprintOf('short')).toThrow(TypeError);
});

it('membership needs a secret', () => {
  expect(() => new Membership([])).toThrow(TypeError);
});
