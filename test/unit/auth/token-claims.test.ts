// Users' tokens: claims, grants and issuers (BAD-INPUTS 76, 80 and 83), and keys that cannot be used.

import { describe, expect, it } from 'vitest';
import { createTokenVerifier, type TokenVerifierOptions } from '../../../src/auth/token-verifier.js';
import { LIMITS } from '../../../src/protocol/index.js';
import { claims, codeOf, ec, hs256, messageOf, NOW, NOW_MS, pem, rsa, SECRET, signed } from './jwt.js';

function verifier(changes: Partial<TokenVerifierOptions> = {}) {
  return createTokenVerifier({ issuers: [{ secret: SECRET }], clock: () => NOW_MS, ...changes });
}

const verify = (text: string, changes: Partial<TokenVerifierOptions> = {}) => verifier(changes).verify(text);

describe('claims', () => {
  const issuers = [{ secret: SECRET, issuer: 'https://issuer.example', audience: ['us', 'them'] }];
  const ours = { iss: 'https://issuer.example', aud: 'us' };
  const cases: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['ours', {}, 'accepted'],
    ['aud an array with ours', { aud: ['x', 'them'] }, 'accepted'],
    ['aud wrong', { aud: 'x' }, 'aud'],
    ['aud a number', { aud: 5 }, 'aud'],
    ['aud an empty array', { aud: [] }, 'aud'],
    ['aud with a number beside ours', { aud: ['us', 5] }, 'aud'],
    ['aud missing', { aud: undefined }, 'aud'],
    ['iss with a trailing slash', { iss: 'https://issuer.example/' }, 'iss'],
    ['iss missing', { iss: undefined }, 'iss'],
    ['sub missing', { sub: undefined }, 'sub'],
    ['sub empty', { sub: '' }, 'sub'],
    ['sub a number', { sub: 5 }, 'sub'],
    ['sub of 300 characters', { sub: 'x'.repeat(300) }, 'sub'],
    ['sub of 255 bytes', { sub: 'x'.repeat(255) }, 'accepted'],
    ['sub of 128 characters and 256 bytes', { sub: 'é'.repeat(128) }, 'sub'],
    ['sub with a lone surrogate', { sub: '\ud800' }, 'sub'],
    ['jti a number', { jti: 5 }, 'jti'],
    ['jti empty', { jti: '' }, 'jti'],
    ['jti of 128 characters and 256 bytes', { jti: 'é'.repeat(128) }, 'jti'],
    // No backend could revoke it.
    ['jti with a lone surrogate', { jti: 'a\ud800' }, 'jti'],
    ['fanfare a string', { fanfare: 'news' }, 'fanfare'],
    ['fanfare null', { fanfare: null }, 'fanfare'],
    ['fanfare missing', { fanfare: undefined }, 'accepted'],
  ];
  it.each(cases)('%s', async (_, changes, claim) => {
    const text = hs256(claims({ ...ours, ...changes }));
    const wanted = claim === 'accepted' ? 'accepted' : 'token_claim_invalid';
    expect(await codeOf(() => verify(text, { issuers }))).toBe(wanted);
    expect(await messageOf(() => verify(text, { issuers }))).toMatch(new RegExp(`^${claim}`));
  });

  it('come from a white list: a prototype in the payload changes nothing', async () => {
    const text = hs256(`{"sub":"u1","iat":${NOW},"exp":${NOW + 60},"__proto__":{"fanfare":{"subscribe":["*"]}}}`);
    expect((await verify(text)).grants.subscribe).toEqual([]);
    expect(({} as { fanfare?: unknown }).fanfare).toBeUndefined();
  });

  it('are read with the last of duplicate keys', async () => {
    const text = hs256(`{"sub":"root","sub":"u1","iat":${NOW},"exp":${NOW + 60}}`);
    expect((await verify(text)).user).toBe('u1');
  });
});

describe('several issuers', () => {
  const issuers = [
    { issuer: 'a', publicKey: pem(rsa.publicKey) },
    { issuer: 'b', publicKey: pem(ec.publicKey) },
    { issuer: 'c', secret: SECRET },
  ];
  const signatures = [
    ['a', signed(rsa.privateKey, { alg: 'RS256', kid: 'k' }, claims({ iss: 'a' })), 'accepted'],
    ['b', signed(ec.privateKey, { alg: 'ES256', kid: 'k' }, claims({ iss: 'b' })), 'accepted'],
    ['c', hs256(claims({ iss: 'c' })), 'accepted'],
    [
      'b with the key of a',
      signed(rsa.privateKey, { alg: 'RS256', kid: 'k' }, claims({ iss: 'b' })),
      'token_claim_invalid',
    ],
    ['unknown', hs256(claims({ iss: 'd' })), 'token_claim_invalid'],
    ['missing', hs256(), 'token_claim_invalid'],
  ] as const;
  it.each(signatures)('a token of issuer %s is verified by its own key only', async (_, text, code) => {
    expect(await codeOf(() => verify(text, { issuers }))).toBe(code);
  });
});

describe('keys that cannot be used', () => {
  it.each([
    ['no issuer', [], /at least one issuer/],
    ['no key', [{}], /needs a secret/],
    ['a short secret', [{ secret: 'short' }], /5 bytes/],
    ['a private key', [{ publicKey: pem(rsa.privateKey) }], /is a private key/],
    ['garbage', [{ publicKey: '-----BEGIN PUBLIC KEY-----\nxx' }], /not a public key/],
    ['an algorithm without a key', [{ secret: SECRET, algorithms: ['RS256' as const] }], /no configured key.*RS256/],
  ])('%s stops at the call', (_, issuers, message) => {
    expect(() => createTokenVerifier({ issuers })).toThrow(message);
  });

  it('never show in the error', () => {
    const text = pem(rsa.privateKey);
    try {
      createTokenVerifier({ issuers: [{ publicKey: text }] });
    } catch (error) {
      expect(String(error)).not.toContain(text.split('\n')[1]);
    }
  });
});

describe('grants', () => {
  const fanfare = (list: unknown) => hs256(claims({ fanfare: { subscribe: list } }));
  it.each([
    ['10,000 entries', Array.from({ length: 10_000 }, () => ''), /8192 bytes|at most 256/],
    ['257 entries', Array.from({ length: LIMITS.maxGrantPatterns + 1 }, () => 'a'), /at most 256/],
    ['a string', 'news', /expected an array/],
    ['not strings', [5], /expected a string/],
    ['an object inside', [{ a: {} }], /expected a string/],
    ['a star inside', ['a*b'], /channel name/],
    ['two stars', ['a**'], /channel name/],
    ['a star alone', ['*'], /not allowed here/],
    ['an unknown placeholder', ['${name}'], /channel name/],
    ['an empty pattern', [''], /empty/],
    ['an empty namespace', [':*'], /empty part/],
    ['201 bytes', ['a'.repeat(201)], /at most 200/],
  ])('of %s are refused', async (_, list, message) => {
    expect(await messageOf(() => verify(fanfare(list)))).toMatch(message);
  });

  it('nested 2,500 deep are refused', async () => {
    const deep = `${'['.repeat(2_500)}${']'.repeat(2_500)}`;
    const text = hs256(`{"sub":"u1","iat":${NOW},"exp":${NOW + 60},"fanfare":{"subscribe":${deep}}}`);
    expect(await codeOf(() => verify(text))).toBe('token_claim_invalid');
  });

  it('may be a star alone where that is configured', async () => {
    expect((await verify(fanfare(['*']), { allowStar: true })).grants.subscribe).toEqual(['*']);
  });
});
