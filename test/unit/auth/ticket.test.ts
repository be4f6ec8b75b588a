// Tickets: what they carry, how they are told from users' tokens, and rotation of secrets.

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { allowsAnonymous, anonymousIdentity } from '../../../src/auth/anonymous.js';
import { createAuthenticator } from '../../../src/auth/authenticator.js';
import type { Identity } from '../../../src/auth/identity.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';
import { ticketKey } from '../../../src/auth/ticket-key.js';
import { createTokenVerifier } from '../../../src/auth/token-verifier.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { TICKET_TYPE } from '../../../src/protocol/index.js';
import { claims, codeOf, hs256, NOW, NOW_MS, part, SECRET } from './jwt.js';

const OTHER_SECRET = 'another secret of more than thirty-two bytes';
const USER: Identity = {
  kind: 'token',
  user: 'auth0|1',
  grants: { subscribe: ['news', 'user:auth0=7C1'], publish: ['chat:*'], presence: [] },
  issuedAtMs: NOW_MS - 1_000,
  expiresAtMs: NOW_MS + 24 * 3_600_000,
  toleranceMs: 5_000,
  tokenId: 't1',
  connection: undefined,
  reservation: undefined,
};
type Key = string | Buffer;
const TERMS = { connection: 'c1', reservation: 'r1.n1' };

function authority(changes: { secrets?: string[]; audience?: string; clock?: () => number; maxCached?: number } = {}) {
  return createTicketAuthority({ secrets: [SECRET], audience: 'cluster-a', clock: () => NOW_MS, ...changes });
}

/** A ticket with chosen claims, signed well. */
function forged(changes: Record<string, unknown>, header: Record<string, unknown> = {}, key: Key = ticketKey(SECRET)) {
  const payload = {
    v: 2,
    iss: 'fanfare',
    aud: 'cluster-a',
    sub: 'u1',
    iat: NOW,
    exp: NOW + 60,
    fanfare: { subscribe: [], publish: [], presence: [] },
    connection: 'c1',
    ...changes,
  };
  return hs256(payload, { alg: 'HS256', typ: TICKET_TYPE, ...header }, key);
}

/** Another letter whose low byte is the same. */
const twin = (letter: string): string => String.fromCharCode(0x100 + letter.charCodeAt(0));

describe('a ticket', () => {
  it('carries the identity, the connection and the reservation, for at most an hour', () => {
    const { text, expiresAtMs } = authority().sign(USER, TERMS);
    expect(expiresAtMs).toBe(NOW_MS + 3_600_000);
    expect(authority().verify(text)).toEqual({ ...USER, kind: 'ticket', expiresAtMs, ...TERMS });
  });

  it('ends with the token it was made for', () => {
    const { expiresAtMs } = authority().sign({ ...USER, expiresAtMs: NOW_MS + 5_500 }, TERMS);
    expect(expiresAtMs).toBe(NOW_MS + 5_500);
  });

  it('without a token has no user', () => {
    const namespaces = new Namespaces({
      public: { public: true, anonymous: true },
      demo: { anonymous: true, clientPublish: true },
    });
    expect(allowsAnonymous(namespaces)).toBe(true);
    const { text } = authority().sign(anonymousIdentity(namespaces, NOW_MS), { connection: 'c1' });
    expect(authority().verify(text)).toMatchObject({
      kind: 'ticket',
      user: null,
      grants: { subscribe: ['public:*', 'demo:*'], publish: ['demo:*'], presence: [] },
      reservation: undefined,
    });
  });

  it('is verified at once, and remembered until it expires', () => {
    let nowMs = NOW_MS;
    const tickets = authority({ clock: () => nowMs });
    const { text } = tickets.sign(USER, { ...TERMS, maxLifeMs: 60_000 });
    const identity = tickets.verify(text);
    expect(tickets.verify(text)).toBe(identity);
    nowMs += 64_999;
    expect(tickets.verify(text)).toBe(identity);
    nowMs += 1;
    expect(() => tickets.verify(text)).toThrow(/exp: expired 5 s ago/);
  });

  it('that bears the signature of one that is remembered is refused, and that one is not', async () => {
    const tickets = authority();
    const { text } = tickets.sign(USER, TERMS);
    const identity = tickets.verify(text);
    const [header, , signature] = text.split('.');
    const other = tickets.sign({ ...USER, user: 'auth0|2' }, TERMS).text.split('.')[1];
    for (const bad of [`${header}.${other}.${signature}`, `x${text}`, text.slice(1), text.slice(-43)]) {
      expect(await codeOf(() => tickets.verify(bad))).toMatch(/^token_(signature_invalid|malformed)$/);
    }
    expect(tickets.verify(text)).toBe(identity);
  });

  it('is not remembered where it was shown to be used once, nor beyond as many as may be', () => {
    const once = authority();
    const tickets = authority({ maxCached: 2 });
    const [a, b, c] = ['a', 'b', 'c'].map((user) => once.sign({ ...USER, user }, TERMS).text) as [
      string,
      string,
      string,
    ];
    expect(once.verify(a, false)).not.toBe(once.verify(a, false));
    const first = tickets.verify(a);
    tickets.verify(b);
    expect(tickets.verify(a)).toBe(first);
    const second = tickets.verify(b);
    tickets.verify(c);
    expect(tickets.verify(b)).toBe(second);
    expect(tickets.verify(a)).not.toBe(first);
  });

  it('signed with the former secret is verified while that one is still listed', async () => {
    const { text } = authority().sign(USER, TERMS);
    expect(authority({ secrets: [OTHER_SECRET, SECRET] }).verify(text).user).toBe('auth0|1');
    expect(await codeOf(() => authority({ secrets: [OTHER_SECRET] }).verify(text))).toBe('token_signature_invalid');
  });

  it('is known too where another release writes its header another way', () => {
    for (const header of [
      { typ: TICKET_TYPE, alg: 'HS256' },
      { alg: 'HS256', typ: `application/${TICKET_TYPE}`, kid: 'k' },
    ]) {
      const ours = forged({}).split('.');
      const text = hs256(JSON.parse(Buffer.from(ours[1] ?? '', 'base64url').toString()), header, ticketKey(SECRET));
      expect(text.split('.')[0]).not.toBe(ours[0]);
      expect(authority().verify(text)).toMatchObject({ user: 'u1', connection: 'c1' });
    }
  });

  it('with grants beyond 8 KiB is not made', async () => {
    const subscribe = Array.from({ length: 256 }, (_, index) => `${'x'.repeat(100)}${index}`);
    const user = { ...USER, grants: { ...USER.grants, subscribe } };
    expect(await codeOf(() => authority().sign(user, TERMS))).toBe('token_claim_invalid');
  });

  const good = authority().sign(USER, TERMS).text;
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const lastChar = signature.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const sameBits = alphabet[alphabet.indexOf(lastChar) ^ 1] ?? '';
  it.each([
    ['of another cluster', forged({ aud: 'cluster-b' }), 'token_claim_invalid'],
    ['of another issuer', forged({ iss: 'x' }), 'token_claim_invalid'],
    ['of a later version', forged({ v: 3 }), 'token_claim_invalid'],
    ['of the former version, whose connection was a ticket', forged({ v: 1 }), 'token_claim_invalid'],
    ['without exp', forged({ exp: undefined }), 'token_claim_invalid'],
    ['without a connection', forged({ connection: undefined }), 'token_claim_invalid'],
    ['with grants that are no lists', forged({ fanfare: { subscribe: 'x' } }), 'token_claim_invalid'],
    ['that is expired', forged({ exp: NOW - 6 }), 'token_expired'],
    ['with alg none', `${part({ alg: 'none', typ: TICKET_TYPE })}.${payload}.`, 'token_alg_not_allowed'],
    ['with another algorithm', forged({}, { alg: 'HS512' }), 'token_alg_not_allowed'],
    ['with crit', forged({}, { crit: ['x'] }), 'token_unsupported'],
    ['with another payload', `${header}.${part({})}.${signature}`, 'token_signature_invalid'],
    ['without a signature', `${header}.${payload}.`, 'token_signature_invalid'],
    ['with a signature written another way', good.slice(0, -1) + sameBits, 'token_signature_invalid'],
    ['with a letter that is another one but for its high byte', good.slice(0, -1) + twin(lastChar), 'token_malformed'],
    ['longer than a token may be', forged({ sub: 'x'.repeat(8_192) }), 'token_malformed'],
    ["that is a user's token", hs256(claims()), 'wrong_token_kind'],
    ['signed with the text of the secret', forged({}, {}, SECRET), 'token_signature_invalid'],
    ['with a newline', `${good}\n`, 'token_malformed'],
  ])('%s is refused', async (_, text, code) => {
    expect(await codeOf(() => authority().verify(text))).toBe(code);
  });

  it.each([
    ['no secret', []],
    ['a short secret', ['short']],
  ])('cannot be made with %s', (_, secrets) => {
    expect(() => authority({ secrets })).toThrow(TypeError);
  });
});

describe('the key of tickets', () => {
  it('is HKDF-SHA256 of the secret without salt, for fanfare-ticket', () => {
    // RFC 5869 by hand: extract with 32 zeros, then expand to one block.
    const extracted = createHmac('sha256', Buffer.alloc(32)).update(SECRET).digest();
    const expected = createHmac('sha256', extracted).update('fanfare-ticket\u0001').digest();
    expect(ticketKey(SECRET)).toEqual(expected);
  });

  it('signs no token, and the key of tokens signs no ticket, where both come from one text', async () => {
    const tokens = createTokenVerifier({ issuers: [{ secret: SECRET }], clock: () => NOW_MS });
    const both = createAuthenticator({ tickets: authority(), tokens, allowUserTokens: true });
    const token = hs256(claims(), { alg: 'HS256', typ: 'JWT' });
    expect(await codeOf(() => both.verify(token))).toBe('accepted');
    expect(await codeOf(() => both.verify(forged({})))).toBe('accepted');
    const renamed = hs256(claims(), { alg: 'HS256', typ: 'JWT' }, ticketKey(SECRET));
    expect(await codeOf(() => both.verify(renamed))).toBe('token_signature_invalid');
    expect(await codeOf(() => both.verify(forged({}, {}, SECRET)))).toBe('token_signature_invalid');
  });
});

describe('an authenticator', () => {
  const tickets = authority();
  const tokens = createTokenVerifier({ issuers: [{ secret: SECRET }], clock: () => NOW_MS });
  const ticket = tickets.sign(USER, TERMS).text;

  it('takes tickets, and tokens where they are allowed', async () => {
    const both = createAuthenticator({ tickets, tokens, allowUserTokens: true });
    expect(await both.verify(ticket)).toMatchObject({ kind: 'ticket' });
    expect(await both.verify(hs256())).toMatchObject({ kind: 'token' });
    expect(await codeOf(() => both.verify(''))).toBe('token_missing');
    expect(await codeOf(() => both.verify('x'))).toBe('token_malformed');
  });

  it("refuses a user's token elsewhere", async () => {
    const strict = createAuthenticator({ tickets, tokens, allowUserTokens: false });
    expect(await strict.verify(ticket)).toMatchObject({ kind: 'ticket' });
    expect(await codeOf(() => strict.verify(hs256()))).toBe('wrong_token_kind');
  });
});
