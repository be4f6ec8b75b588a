// Users' tokens: what is accepted, and the code that each bad one gets (BAD-INPUTS 71 to 75 and 77 to 82).

import { describe, expect, it } from 'vitest';
import { signToken } from '../../../src/auth/token-signer.js';
import { createTokenVerifier, type TokenVerifierOptions } from '../../../src/auth/token-verifier.js';
import { TICKET_TYPE } from '../../../src/protocol/index.js';
import { heldBytes } from '../../support/held-bytes.js';
import { claims, codeOf, ec, ed, hs256, messageOf, NOW, NOW_MS, part, pem, rsa, SECRET, signed } from './jwt.js';

/** Far over what else happens on the heap during a test. */
const LONG_TEXT_CHARS = 100_000_000;

function verifier(changes: Partial<TokenVerifierOptions> = {}) {
  return createTokenVerifier({ issuers: [{ secret: SECRET }], clock: () => NOW_MS, ...changes });
}

const verify = (text: string, changes: Partial<TokenVerifierOptions> = {}) => verifier(changes).verify(text);

const withPublicKeys = { issuers: [{ publicKey: pem(ec.publicKey) }] };

describe('a good token', () => {
  it('becomes an identity with its claims', async () => {
    const payload = claims({
      sub: 'auth0|1',
      jti: 't1',
      fanfare: { subscribe: ['news', 'user:${sub}', 'chat:*'], publish: ['user:${sub}:*'] },
    });
    expect(await verify(hs256(payload))).toEqual({
      kind: 'token',
      user: 'auth0|1',
      grants: { subscribe: ['news', 'user:auth0=7C1', 'chat:*'], publish: ['user:auth0=7C1:*'], presence: [] },
      issuedAtMs: NOW_MS,
      expiresAtMs: NOW_MS + 3_600_000,
      toleranceMs: 5_000,
      tokenId: 't1',
      connection: undefined,
      reservation: undefined,
    });
  });

  it('that signToken made is accepted', async () => {
    const text = await signToken({
      secret: SECRET,
      subject: 'u1',
      grants: { subscribe: ['a'] },
      lifetimeMs: 60_000,
      issuer: 'https://issuer.example',
      audience: 'us',
      clock: () => NOW_MS,
    });
    const issuers = [{ secret: SECRET, issuer: 'https://issuer.example', audience: 'us' }];
    expect(await verify(text, { issuers })).toMatchObject({ user: 'u1', expiresAtMs: NOW_MS + 60_000 });
  });

  it.each([
    ['RS256', rsa],
    ['ES256', ec],
    ['EdDSA', ed],
  ])('signed with %s is verified by the public key in PEM', async (alg, pair) => {
    const issuers = [{ publicKey: pem(pair.publicKey) }];
    expect(await verify(signed(pair.privateKey, { alg }), { issuers })).toMatchObject({ user: 'u1' });
  });

  it.each([
    { alg: 'HS256' },
    { alg: 'HS256', typ: 'JWT', kid: 'any' },
    { alg: 'HS256', typ: 'jwt' },
    { alg: 'HS256', typ: 'application/jwt' },
    { alg: 'HS256', typ: 'at+jwt' },
    { alg: 'HS256', typ: 'application/AT+JWT' },
  ])('is accepted with the header %j', async (header) => {
    expect(await codeOf(() => verify(hs256(claims(), header)))).toBe('accepted');
  });

  it('without iat counts as issued before everything', async () => {
    const identity = await verify(hs256(claims({ iat: undefined })));
    expect(identity.issuedAtMs).toBe(0);
  });

  it('is remembered, and refused once it has expired all the same', async () => {
    let nowMs = NOW_MS;
    const tokens = verifier({ clock: () => nowMs });
    const text = hs256(claims({ exp: NOW + 60 }));
    const identity = await tokens.verify(text);
    expect(tokens.verify(text)).toBe(identity);
    nowMs += 64_999;
    expect(tokens.verify(text)).toBe(identity);
    nowMs += 1;
    expect(await codeOf(() => tokens.verify(text))).toBe('token_expired');
  });

  it('is remembered for a bounded time and number', async () => {
    let nowMs = NOW_MS;
    const tokens = verifier({ clock: () => nowMs, maxCached: 2, cacheMs: 1_000 });
    for (const sub of ['a', 'b', 'c']) await tokens.verify(hs256(claims({ sub })));
    expect(tokens.stats().cachedTokens).toBe(2);
    nowMs += 1_000;
    expect(tokens.verify(hs256(claims({ sub: 'c' })))).toBeInstanceOf(Promise);
  });
});

describe('a bad signature or header', () => {
  const good = hs256();
  const [header, payload, signature] = good.split('.') as [string, string, string];
  it.each([
    ['alg none', `${part({ alg: 'none' })}.${payload}.`, 'token_alg_not_allowed'],
    ['alg NoNe', `${part({ alg: 'NoNe' })}.${payload}.`, 'token_alg_not_allowed'],
    ['alg missing', `${part({})}.${payload}.${signature}`, 'token_alg_not_allowed'],
    ['alg an object', `${part({ alg: {} })}.${payload}.${signature}`, 'token_alg_not_allowed'],
    ['another algorithm', hs256(claims(), { alg: 'HS512' }), 'token_alg_not_allowed'],
    ['a tampered payload', `${header}.${part(claims({ sub: 'root' }))}.${signature}`, 'token_signature_invalid'],
    ['an empty signature', `${header}.${payload}.`, 'token_signature_invalid'],
    ['an all-zero signature', `${header}.${payload}.${part('\0'.repeat(32))}`, 'token_signature_invalid'],
    ['another secret', hs256(claims(), { alg: 'HS256' }, `${SECRET}!`), 'token_signature_invalid'],
    ['an embedded jwk', hs256(claims(), { alg: 'HS256', jwk: { kty: 'oct', k: 'AA' } }), 'token_signature_invalid'],
    ['an embedded x5c', hs256(claims(), { alg: 'HS256', x5c: ['AA'] }), 'token_signature_invalid'],
    ['jku', hs256(claims(), { alg: 'HS256', jku: 'https://evil.example' }), 'token_key_unknown'],
    ['x5u', hs256(claims(), { alg: 'HS256', x5u: 'https://evil.example' }), 'token_key_unknown'],
    ['kid an object', hs256(claims(), { alg: 'HS256', kid: {} }), 'token_key_unknown'],
    ['kid a path', hs256(claims(), { alg: 'HS256', kid: '../../x' }), 'token_key_unknown'],
    ['kid of SQL', hs256(claims(), { alg: 'HS256', kid: "' OR 1=1" }), 'token_key_unknown'],
    ['kid of 4 KB', hs256(claims(), { alg: 'HS256', kid: 'k'.repeat(4_000) }), 'token_key_unknown'],
    ['crit', hs256(claims(), { alg: 'HS256', crit: ['x'], x: 1 }), 'token_unsupported'],
    ['b64 false', hs256(claims(), { alg: 'HS256', crit: ['b64'], b64: false }), 'token_unsupported'],
    ['typ of a ticket', hs256(claims(), { alg: 'HS256', typ: TICKET_TYPE }), 'wrong_token_kind'],
    ['typ of a ticket, shouted', hs256(claims(), { alg: 'HS256', typ: TICKET_TYPE.toUpperCase() }), 'wrong_token_kind'],
    ['typ of a security event', hs256(claims(), { alg: 'HS256', typ: 'secevent+jwt' }), 'token_unsupported'],
    ['typ of a proof of possession', hs256(claims(), { alg: 'HS256', typ: 'dpop+jwt' }), 'token_unsupported'],
    ['typ JOSE', hs256(claims(), { alg: 'HS256', typ: 'JOSE' }), 'token_unsupported'],
    ['typ empty', hs256(claims(), { alg: 'HS256', typ: '' }), 'token_unsupported'],
    ['typ a number', hs256(claims(), { alg: 'HS256', typ: 5 }), 'token_malformed'],
  ])('%s is refused', async (_, text, code) => {
    expect(await codeOf(() => verify(text))).toBe(code);
  });

  it('HS256 with the public key as the secret is refused', async () => {
    const text = hs256(claims(), { alg: 'HS256' }, pem(ec.publicKey));
    expect(await codeOf(() => verify(text, withPublicKeys))).toBe('token_alg_not_allowed');
    const both = { issuers: [{ publicKey: pem(ec.publicKey), secret: SECRET }] };
    expect(await codeOf(() => verify(text, both))).toBe('token_signature_invalid');
  });

  it('RS256 where the key is for ES256 is refused', async () => {
    const text = signed(rsa.privateKey, { alg: 'RS256' });
    expect(await codeOf(() => verify(text, withPublicKeys))).toBe('token_alg_not_allowed');
  });

  it('an algorithm that the allow-list leaves out is refused', async () => {
    const issuers = [{ publicKey: pem(rsa.publicKey), algorithms: ['PS256' as const] }];
    const text = signed(rsa.privateKey, { alg: 'RS256' });
    expect(await codeOf(() => verify(text, { issuers }))).toBe('token_alg_not_allowed');
  });
});

describe('a malformed token', () => {
  const good = hs256();
  it.each([
    ['empty', ''],
    ['one part', 'abc'],
    ['two parts', good.split('.').slice(0, 2).join('.')],
    ['four parts', `${good}.x`],
    ['encrypted', `${good}.x.x`],
    ['a trailing newline', `${good}\n`],
    ['padding', `${good}==`],
    ['a leading space', ` ${good}`],
    ['not base64url', good.replace('.', '.+/')],
    ['a header that is not JSON', `${part('{')}.e30.e30`],
    ['a header that is an array', `${part('[]')}.e30.e30`],
    ['a header of invalid UTF-8', `${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.e30.e30`],
    ['a payload that is not JSON', hs256('{')],
    ['a payload that is a string', hs256('"x"')],
    ['9 KB', hs256(claims({ pad: 'x'.repeat(9_000) }))],
    ['1 MB', 'a'.repeat(1_000_000)],
  ])('%s is refused', async (_, text) => {
    expect(await codeOf(() => verify(text))).toBe('token_malformed');
  });

  it('is judged by its length before anything else is looked at', async () => {
    // V8 writes out a repeated text when somebody looks at its characters, and not for its length.
    const text = '.'.repeat(LONG_TEXT_CHARS);
    const before = heldBytes();
    expect(await codeOf(() => verify(text))).toBe('token_malformed');
    expect(heldBytes() - before).toBeLessThan(LONG_TEXT_CHARS / 2);
    expect(text.at(-1)).toBe('.');
    expect(heldBytes() - before).toBeGreaterThan(LONG_TEXT_CHARS / 2);
    expect(text.length).toBe(LONG_TEXT_CHARS);
  });
});

describe('times', () => {
  type Case = readonly [title: string, payload: Record<string, unknown> | string, code: string, message?: RegExp];
  const cases: readonly Case[] = [
    ['expired 6 s ago', { iat: NOW - 60, exp: NOW - 6 }, 'token_expired'],
    ['expired 5 s ago', { iat: NOW - 60, exp: NOW - 5 }, 'token_expired'],
    ['expired 1 s ago', { iat: NOW - 60, exp: NOW - 1 }, 'accepted'],
    ['nbf 6 s ahead', { nbf: NOW + 6 }, 'token_not_yet_valid'],
    ['nbf 4 s ahead', { nbf: NOW + 4 }, 'accepted'],
    ['iat 6 s ahead', { iat: NOW + 6 }, 'token_not_yet_valid'],
    ['nbf a string', { nbf: 'now' }, 'token_claim_invalid', /^nbf:/],
    ['iat null', { iat: null }, 'token_claim_invalid', /^iat:/],
    ['24 h long', { exp: NOW + 86_400 }, 'accepted'],
    ['24 h and 1 s long', { exp: NOW + 86_401 }, 'token_claim_invalid', /^exp:/],
    ['25 h ahead without iat', { iat: undefined, exp: NOW + 90_000 }, 'token_claim_invalid', /^exp:/],
    ['no exp', { exp: undefined }, 'token_claim_invalid', /^exp:/],
    ['exp a string', { exp: `${NOW + 60}` }, 'token_claim_invalid', /^exp:/],
    ['exp in milliseconds', { exp: NOW_MS + 60_000 }, 'token_claim_invalid', /^exp:/],
    ['exp infinite', `{"sub":"u1","iat":${NOW},"exp":1e999}`, 'token_claim_invalid', /^exp:/],
    ['iat minus infinite', `{"sub":"u1","iat":-1e999,"exp":${NOW + 60}}`, 'token_claim_invalid', /^iat:/],
  ];
  it.each([
    ['7 s', { nbf: NOW + 7 }, 2_000],
    ['an hour, of which nobody waits for more than 5 min', { iat: NOW + 3_600, exp: NOW + 7_200 }, 300_000],
  ])('ahead by %s say what is missing', async (_, payload, retryAfterMs) => {
    await expect(async () => verify(hs256(claims(payload)))).rejects.toMatchObject({
      code: 'token_not_yet_valid',
      retryAfterMs,
    });
  });

  it.each(cases.map((one) => [one[0], one] as const))('%s', async (_, [, payload, code, message = /./]) => {
    const text = hs256(typeof payload === 'string' ? payload : claims(payload));
    expect(await codeOf(() => verify(text))).toBe(code);
    expect(await messageOf(() => verify(text))).toMatch(message);
  });
});
