// Which keys of a set a token is tried with, what is said where none fits, and what is told of those that cannot be used.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenVerifier, type TokenVerifier } from '../../../src/auth/token-verifier.js';
import { RecordingLogger } from '../../support/recording-logger.js';
import { claims, codeOf, ec, ed, messageOf, NOW_MS, otherRsa, rsa, signed } from './jwt.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Pair = typeof rsa;
const jwk = (pair: Pair, more: object = {}): object => ({ ...pair.publicKey.export({ format: 'jwk' }), ...more });
const token = (pair: Pair, alg: string, kid?: string) =>
  signed(pair.privateKey, { alg, ...(kid !== undefined && { kid }) }, claims());

/** A verifier of what a server publishes; `sets` one after the other, the last for ever. */
async function verifierOf(...sets: readonly (readonly unknown[])[]) {
  let asked = 0;
  const server = createServer((_, response) => {
    response.end(JSON.stringify({ keys: sets[Math.min(asked, sets.length - 1)] }));
    asked += 1;
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const logger = new RecordingLogger();
  const clock = { nowMs: NOW_MS };
  const issuers = [{ jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` }];
  const tokens = createTokenVerifier({ issuers, clock: () => clock.nowMs, maxCached: 0, logger });
  return { tokens, logger, clock };
}

const said = (tokens: TokenVerifier, text: string) => messageOf(() => tokens.verify(text));

describe('keys of one id', () => {
  it.each([
    ['of another kind before it', [jwk(ec, { kid: 'k' }), jwk(rsa, { kid: 'k' })]],
    ['of the same kind before it', [jwk(otherRsa, { kid: 'k' }), jwk(rsa, { kid: 'k' })]],
    ['for encryption before it', [jwk(otherRsa, { kid: 'k', use: 'enc' }), jwk(rsa, { kid: 'k', use: 'sig' })]],
    [
      'that is too short before it',
      [{ kty: 'RSA', n: 'AQAB'.repeat(20), e: 'AQAB', kid: 'k' }, jwk(rsa, { kid: 'k' })],
    ],
    ['that is none before it', [{ kty: 'RSA', kid: 'k' }, jwk(rsa, { kid: 'k' })]],
    ['behind it', [jwk(rsa, { kid: 'k' }), jwk(otherRsa, { kid: 'k' })]],
  ])('are each tried: one %s takes nothing away', async (_, keys) => {
    const { tokens } = await verifierOf(keys);
    expect(await said(tokens, token(rsa, 'RS256', 'k'))).toBe('accepted');
  });

  it('that all do not verify are a wrong signature', async () => {
    const { tokens } = await verifierOf([jwk(otherRsa, { kid: 'k' }), jwk(ec, { kid: 'k' })]);
    expect(await codeOf(() => tokens.verify(token(rsa, 'RS256', 'k')))).toBe('token_signature_invalid');
  });

  it('are tried up to eight, so that one token costs no more', async () => {
    const others = Array.from({ length: 8 }, () => jwk(otherRsa, { kid: 'k' }));
    const { tokens } = await verifierOf([...others, jwk(rsa, { kid: 'k' })]);
    expect(await codeOf(() => tokens.verify(token(rsa, 'RS256', 'k')))).toBe('token_signature_invalid');
  });
});

describe('a token whose key does not fit', () => {
  const good = jwk(ec, { kid: 'good' });
  it.each([
    ['of no such id', jwk(rsa, { kid: 'other' }), 'kid: no such key'],
    [
      'for encryption',
      jwk(rsa, { kid: 'k', use: 'enc' }),
      'kid: the key of this id is not for signatures: its use is not sig',
    ],
    [
      'that may only sign',
      jwk(rsa, { kid: 'k', key_ops: ['sign'] }),
      'kid: the key of this id is not for verifying: its key_ops lack verify',
    ],
    [
      'of another algorithm',
      jwk(rsa, { kid: 'k', alg: 'RS512' }),
      "kid: the key of this id is for another algorithm than the token's",
    ],
    [
      'of an algorithm that is not of its kind',
      jwk(rsa, { kid: 'k', alg: 'ES256' }),
      'kid: the key of this id has an alg that no key of its kind has',
    ],
    ['of another kind', jwk(ed, { kid: 'k' }), "kid: the key of this id is for another algorithm than the token's"],
    [
      'that is private',
      { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'k' },
      'kid: the key of this id is a private key',
    ],
    ['that is shared', { kty: 'oct', k: 'AAAA', kid: 'k' }, 'kid: the key of this id is no public key'],
    [
      'that is too short',
      { kty: 'RSA', n: 'AQAB'.repeat(20), e: 'AQAB', kid: 'k' },
      'kid: the key of this id has 473 bits, RSA needs at least 2048',
    ],
  ])('%s says why', async (_, key, message) => {
    const { tokens } = await verifierOf([key, good]);
    const text = token(rsa, 'RS256', 'k');
    expect(await said(tokens, text)).toBe(message);
    const again = await verifierOf([key, good]);
    expect(await codeOf(() => again.tokens.verify(text))).toBe('token_key_unknown');
  });

  it('without an id says what lacks', async () => {
    const several = await verifierOf([jwk(rsa, { kid: 'a' }), jwk(otherRsa, { kid: 'b' })]);
    expect(await said(several.tokens, token(rsa, 'RS256'))).toBe(
      'kid: absent, and several of the published keys fit the algorithm',
    );
    const none = await verifierOf([jwk(ec, { kid: 'a' })]);
    expect(await said(none.tokens, token(rsa, 'RS256'))).toBe(
      'kid: absent, and none of the published keys fits the algorithm',
    );
  });
});

it('a key set without a key for signatures is a failing check that says why', async () => {
  const { tokens, clock } = await verifierOf([jwk(rsa, { kid: 'k', use: 'enc' })], [jwk(rsa, { kid: 'k' })]);
  expect(await codeOf(() => tokens.verify(token(rsa, 'RS256', 'k')))).toBe('token_key_unknown');
  const detail = 'none of the published keys can be used: k is not for signatures: its use is not sig';
  expect(tokens.checks()).toMatchObject([{ ok: false, detail }]);
  clock.nowMs += 10_000;
  expect(await said(tokens, token(rsa, 'RS256', 'k'))).toBe('accepted');
  expect(tokens.checks()).toMatchObject([{ ok: true, detail: '' }]);
});

describe('what a key set has that cannot be used', () => {
  const enc = jwk(otherRsa, { kid: 'e', use: 'enc' });
  const broken = { kty: 'EC', kid: 'b' };

  it('is told once, and again once it is something else', async () => {
    const good = jwk(rsa, { kid: 'k' });
    const { tokens, logger, clock } = await verifierOf([good, broken, null], [good, broken, null], [good, enc], [good]);
    const turn = async () => {
      clock.nowMs += 3_000;
      await messageOf(() => tokens.verify(token(rsa, 'RS256', 'unknown')));
    };
    await turn();
    await turn();
    expect(logger.lines).toMatchObject([
      {
        level: 'warn',
        message: 'some of the published keys are not used',
        fields: { unused: ['b is not a key that can be read', '(no id) is not a key'] },
      },
    ]);
    await turn();
    await turn();
    expect(logger.lines.slice(1)).toMatchObject([
      { level: 'info', fields: { unused: ['e is not for signatures: its use is not sig'] } },
    ]);
  });

  it('is told in a bounded line', async () => {
    const { tokens, logger } = await verifierOf([
      jwk(rsa, { kid: 'k' }),
      ...Array.from({ length: 200 }, (_, index) => ({ kty: 'EC', kid: `${index}\n${'x'.repeat(500)}` })),
    ]);
    expect(await said(tokens, token(rsa, 'RS256', 'k'))).toBe('accepted');
    const [line] = logger.lines;
    expect(JSON.stringify(line).length).toBeLessThan(3_000);
    expect(JSON.stringify(line)).not.toContain('\\n');
    expect(line?.fields).toMatchObject({ more: 190 });
  });
});
