// Bad tokens: as a bearer at discovery, and in `connect` at a node that takes users' tokens.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { hmacJwt, jwtPart, keyJwt } from '../support/jwt.js';
import type { TokenRow } from './bad-inputs-case.js';

export const TOKEN_SECRET = 'the-secret-that-verifies-tokens-in-this-suite';
export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'fanfare-suite';
/** An issuer's RSA keys; made when first used. */
export const rsaKeys = once(() =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }),
);

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const encode = jwtPart;
const nowSeconds = (): number => Math.floor(Date.now() / 1000);
let subjects = 0;
/** Claims that are good everywhere, of a user of its own. */
const claims = (more: object = {}): object => ({
  sub: `token-${++subjects}`,
  iss: ISSUER,
  aud: AUDIENCE,
  iat: nowSeconds(),
  exp: nowSeconds() + 600,
  fanfare: { subscribe: ['ok'] },
  ...more,
});

/** Signs with HMAC-SHA-256 whatever header and payload say; a text is taken word for word. */
export function hmacToken(payload: unknown, header: object = {}, secret = TOKEN_SECRET): string {
  return hmacJwt(payload, { alg: 'HS256', typ: 'JWT', ...header }, secret);
}
/** Signs with the issuer's RSA key. */
export function rsaToken(payload: unknown, header: object = {}): string {
  return keyJwt(payload, { alg: 'RS256', typ: 'JWT', ...header }, createPrivateKey(rsaKeys().privateKey));
}
/** A payload whose `exp` is written as it stands. */
const withExp = (exp: string): string => JSON.stringify(claims()).replace(/"exp":\d+/, `"exp":${exp}`);
const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

type Extra = Partial<Pick<TokenRow, 'only' | 'detail' | 'keys'>>;
const row = (
  title: string,
  code: TokenRow['code'],
  token: TokenRow['token'],
  { keys = 'secret', ...extra }: Extra = {},
): TokenRow => ({ kind: 'token', group: 'Tokens', title, code, token, keys, ...extra });
const claim = (title: string, name: string, more: object): TokenRow =>
  row(title, 'token_claim_invalid', () => hmacToken(claims(more)), { detail: new RegExp(`^${name}`) });

const SIGNATURES: readonly TokenRow[] = [
  row('`alg: none`', 'token_alg_not_allowed', () => `${encode({ alg: 'none' })}.${encode(claims())}.`),
  row('`alg: NoNe`', 'token_alg_not_allowed', () => `${encode({ alg: 'NoNe' })}.${encode(claims())}.`),
  row('RS256, where only a secret is configured', 'token_alg_not_allowed', () => rsaToken(claims())),
  row('HS256 signed with the public key', 'token_alg_not_allowed', () => hmacToken(claims(), {}, rsaKeys().publicKey), {
    keys: 'rsa',
  }),
  row('ES256, where an RSA key is configured', 'token_alg_not_allowed', () => rsaToken(claims(), { alg: 'ES256' }), {
    keys: 'rsa',
  }),
  row('RS256 by the key that is configured', undefined, () => rsaToken(claims()), { keys: 'rsa' }),
  row('signed with another secret', 'token_signature_invalid', () => hmacToken(claims(), {}, 'x'.repeat(40))),
  row('an empty signature', 'token_signature_invalid', () => hmacToken(claims()).replace(/[^.]*$/, '')),
  row('a signature of zeros', 'token_signature_invalid', () => hmacToken(claims()).replace(/[^.]*$/, 'A'.repeat(43))),
  row('a payload changed after signing', 'token_signature_invalid', () => {
    const [header, , signature] = hmacToken(claims()).split('.');
    return `${header}.${encode(claims({ sub: 'admin' }))}.${signature}`;
  }),
  row('a key of its own (`jwk`)', 'token_signature_invalid', () =>
    hmacToken(claims(), { jwk: { kty: 'oct', k: 'AAAA' } }),
  ),
];

const TIMES: readonly TokenRow[] = [
  row('expired 6 s ago', 'token_expired', () => hmacToken(claims({ iat: nowSeconds() - 60, exp: nowSeconds() - 6 }))),
  row('expired 1 s ago: clocks may differ by 5 s', undefined, () =>
    hmacToken(claims({ iat: nowSeconds() - 60, exp: nowSeconds() - 1 })),
  ),
  row('`nbf` a minute ahead', 'token_not_yet_valid', () => hmacToken(claims({ nbf: nowSeconds() + 60 }))),
  row('`iat` a minute ahead', 'token_not_yet_valid', () => hmacToken(claims({ iat: nowSeconds() + 60 }))),
  row('no `exp`', 'token_claim_invalid', () => hmacToken(claims({ exp: undefined })), { detail: /^exp/ }),
  ...['"1795342704"', '1e999', 'null', '[]'].map((exp) =>
    row(`\`exp: ${exp}\``, 'token_claim_invalid', () => hmacToken(withExp(exp)), { detail: /^exp/ }),
  ),
  row('`exp` in milliseconds', 'token_claim_invalid', () => hmacToken(withExp(String(Date.now() + 600_000))), {
    detail: /^exp/,
  }),
  row('`exp − iat` over 24 h', 'token_claim_invalid', () => hmacToken(claims({ exp: nowSeconds() + 86_401 })), {
    detail: /^exp/,
  }),
];

const CLAIMS: readonly TokenRow[] = [
  claim('another `aud`', 'aud', { aud: 'somebody else' }),
  claim('`aud` a number', 'aud', { aud: 7 }),
  row('`aud` an array with ours in it', undefined, () => hmacToken(claims({ aud: ['other', AUDIENCE] }))),
  claim('`iss` with a slash behind it', 'iss', { iss: `${ISSUER}/` }),
  claim('no `sub`', 'sub', { sub: undefined }),
  claim('`sub` a number', 'sub', { sub: 7 }),
  claim('`sub` of 300 characters', 'sub', { sub: 's'.repeat(300) }),
  claim('`jti` with half of a surrogate pair', 'jti', { jti: 'a\ud800' }),
  claim('`fanfare` an array, 1,000 deep', 'fanfare', { fanfare: nested(1_000) }),
  claim('a list of 257 patterns', 'fanfare', { fanfare: { subscribe: Array(257).fill('a') } }),
  claim('patterns that are no strings', 'fanfare', { fanfare: { subscribe: [7] } }),
  claim('`*` in the middle of a pattern', 'fanfare', { fanfare: { subscribe: ['a*b'] } }),
];

const SHAPES: readonly TokenRow[] = [
  row('a ticket in place of a token', 'wrong_token_kind', () => hmacToken(claims(), { typ: 'fanfare-ticket+jwt' }), {
    only: 'discovery',
  }),
  ...['`secevent+jwt`', '`JOSE`', 'empty'].map((typ) =>
    row(`\`typ\` ${typ}`, 'token_unsupported', () =>
      hmacToken(claims(), { typ: typ.startsWith('`') ? typ.slice(1, -1) : '' }),
    ),
  ),
  row('`typ` `at+jwt`, of an access token', undefined, () => hmacToken(claims(), { typ: 'at+jwt' })),
  row('`typ` absent', undefined, () => hmacToken(claims(), { typ: undefined })),
  row('five parts (JWE)', 'token_malformed', () => 'a.b.c.d.e'),
  row('two parts', 'token_malformed', () => 'a.b'),
  row('four parts', 'token_malformed', () => `${hmacToken(claims())}.x`),
  row('not base64url', 'token_malformed', () => 'a+b.c/d.e='),
  row('padding behind it', 'token_malformed', () => `${hmacToken(claims())}==`),
  row('a line break behind it', 'token_malformed', () => `${hmacToken(claims())}\n`, { only: 'node' }),
  row('a header that is no JSON', 'token_malformed', () => `${encode('{')}.${encode('{}')}.AAAA`),
  row('9 KB', 'token_malformed', () => hmacToken(claims({ filler: 'f'.repeat(7_000) })), { only: 'discovery' }),
  row('`crit` with a name that is not known', 'token_unsupported', () => hmacToken(claims(), { crit: ['x'], x: 1 })),
  row('`b64: false`', 'token_unsupported', () => hmacToken(claims(), { b64: false, crit: ['b64'] })),
];

const KEYS: readonly TokenRow[] = [
  row('the published key, by its `kid`', undefined, () => rsaToken(claims(), { kid: 'one' }), { keys: 'jwks' }),
  ...[{ a: 1 }, '../../x', "x' OR 1=1 --", 'k'.repeat(3_000), 'two'].map((kid) =>
    row(
      `\`kid: ${JSON.stringify(kid).slice(0, 20)}${JSON.stringify(kid).length > 20 ? '…' : ''}\`, which is not known`,
      'token_key_unknown',
      () => rsaToken(claims(), { kid }),
      { keys: 'jwks' },
    ),
  ),
  ...['jku', 'x5u'].map((name) =>
    row(
      `\`${name}\` with a URL: nothing is fetched`,
      'token_key_unknown',
      (lure) => rsaToken(claims(), { kid: 'one', [name]: `${lure}/${name}` }),
      { keys: 'jwks' },
    ),
  ),
];

export const TOKEN_ROWS: readonly TokenRow[] = [...SIGNATURES, ...TIMES, ...CLAIMS, ...SHAPES, ...KEYS];
