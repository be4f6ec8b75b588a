// Key sets at a URL: real requests to a real server that counts them.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../../src/auth/token-verifier.js';
import { claims, codeOf, ec, hs256, NOW_MS, otherRsa, rsa, signed } from './jwt.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<{ readonly url: string; requests: number }> {
  const state = { url: '', requests: 0 };
  const server = createServer((request, response) => {
    state.requests++;
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  return state;
}

const jwk = (kid: string, pair = rsa) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig' });
const token = (kid: unknown, pair = rsa) =>
  signed(pair.privateKey, { alg: 'RS256', ...(kid !== undefined && { kid }) });

function verifierAt(url: string, clock = { nowMs: NOW_MS }, jwks: Record<string, number> = {}) {
  const bounds = {
    maxAgeMs: 600_000,
    cooldownMs: 30_000,
    timeoutMs: 5_000,
    maxBytes: 256 * 1024,
    maxKeys: 100,
    ...jwks,
  };
  // Nothing is remembered, so that every token asks for its key.
  return createTokenVerifier({ issuers: [{ jwksUrl: url }], clock: () => clock.nowMs, jwks: bounds, maxCached: 0 });
}

describe('a key set', () => {
  it('is fetched once for many tokens at once', async () => {
    const set = await serve((_, response) => response.end(JSON.stringify({ keys: [jwk('a')] })));
    const tokens = verifierAt(set.url);
    await Promise.all(Array.from({ length: 10 }, () => tokens.verify(token('a'))));
    await tokens.verify(token('a'));
    expect(set.requests).toBe(1);
  });

  it('is not asked for what cannot be the id of a key', async () => {
    const set = await serve((_, response) => response.end(JSON.stringify({ keys: [jwk('a')] })));
    const tokens = verifierAt(set.url);
    for (const kid of [{}, [], 5, '', '../../x', "' OR 1=1 --", 'k'.repeat(129), 'k\n']) {
      expect(await codeOf(() => tokens.verify(token(kid)))).toBe('token_key_unknown');
    }
    expect(await codeOf(() => tokens.verify(hs256()))).toBe('token_alg_not_allowed');
    expect(set.requests).toBe(0);
  });

  it('is asked at most once per cooldown for ids that it does not know', async () => {
    const clock = { nowMs: NOW_MS };
    const keys = [jwk('a')];
    const set = await serve((_, response) => response.end(JSON.stringify({ keys })));
    const tokens = verifierAt(set.url, clock);
    await tokens.verify(token('a'));
    for (let index = 0; index < 20; index++) {
      expect(await codeOf(() => tokens.verify(token(`unknown-${index}`)))).toBe('token_key_unknown');
    }
    expect(set.requests).toBe(1);
    clock.nowMs += 30_000;
    keys.push(jwk('b', otherRsa));
    expect(await codeOf(() => tokens.verify(token('b', otherRsa)))).toBe('accepted');
    expect(await codeOf(() => tokens.verify(token('c')))).toBe('token_key_unknown');
    expect(set.requests).toBe(2);
  });

  it('serves a token without an id when one key alone fits', async () => {
    const keys = [jwk('a'), ec.publicKey.export({ format: 'jwk' })];
    const set = await serve((_, response) => response.end(JSON.stringify({ keys })));
    expect(await codeOf(() => verifierAt(set.url).verify(token(undefined)))).toBe('accepted');
    keys.push(jwk('b', otherRsa));
    expect(await codeOf(() => verifierAt(set.url).verify(token(undefined)))).toBe('token_key_unknown');
  });

  it('is used on while its URL is down, slow, too large or no key set', async () => {
    const clock = { nowMs: NOW_MS };
    const answers: RequestListener[] = [
      (_, response) => response.end(JSON.stringify({ keys: [jwk('a')] })),
      (_, response) => response.writeHead(500).end(),
      (_, response) => response.end('<html>'),
      (_, response) => response.end(JSON.stringify({ keys: [] })),
      (_, response) => response.end(JSON.stringify({ keys: [jwk('a')], pad: 'x'.repeat(5_000_000) })),
      (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
      (request) => request.socket.resetAndDestroy(),
      () => undefined,
    ];
    const set = await serve((request, response) => answers[set.requests - 1]?.(request, response));
    const tokens = verifierAt(set.url, clock, { timeoutMs: 100 });
    await tokens.verify(token('a'));
    for (let failure = 1; failure < answers.length; failure++) {
      clock.nowMs += 600_000;
      const text = signed(
        rsa.privateKey,
        { alg: 'RS256', kid: 'a' },
        claims({ iat: undefined, exp: clock.nowMs / 1000 + 60 }),
      );
      expect(await codeOf(() => tokens.verify(text))).toBe('accepted');
      expect(tokens.stats().jwksUnavailable).toBe(failure);
    }
    expect(set.requests).toBe(answers.length);
  });

  it('that was never there is an error of ours, not of the token', async () => {
    const set = await serve((_, response) => response.writeHead(503).end());
    const clock = { nowMs: NOW_MS };
    const tokens = verifierAt(set.url, clock);
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('internal');
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('internal');
    expect(set.requests).toBe(1);
    clock.nowMs += 5_000;
    await codeOf(() => tokens.verify(token('a')));
    expect(set.requests).toBe(2);
  });

  it('gives no shared secret and no private key', async () => {
    const secret = { kty: 'oct', k: Buffer.from('x'.repeat(32)).toString('base64url'), kid: 'a', alg: 'HS256' };
    const secretly = { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'a' };
    const set = await serve((_, response) => response.end(JSON.stringify({ keys: [secret, secretly, jwk('b')] })));
    const tokens = verifierAt(set.url);
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('token_key_unknown');
    expect(await codeOf(() => tokens.verify(hs256(claims(), { alg: 'HS256', kid: 'a' }, 'x'.repeat(32))))).toBe(
      'token_alg_not_allowed',
    );
  });

  it('with the ids of another issuer gives each only its own key', async () => {
    const one = await serve((_, response) => response.end(JSON.stringify({ keys: [jwk('k')] })));
    const two = await serve((_, response) => response.end(JSON.stringify({ keys: [jwk('k', otherRsa)] })));
    const issuers = [
      { issuer: 'one', jwksUrl: one.url },
      { issuer: 'two', jwksUrl: two.url },
    ];
    const tokens = createTokenVerifier({ issuers, clock: () => NOW_MS });
    const from = (iss: string, pair: typeof rsa) =>
      signed(pair.privateKey, { alg: 'RS256', kid: 'k' }, claims({ iss }));
    expect(await codeOf(() => tokens.verify(from('one', rsa)))).toBe('accepted');
    expect(await codeOf(() => tokens.verify(from('two', otherRsa)))).toBe('accepted');
    expect(await codeOf(() => tokens.verify(from('one', otherRsa)))).toBe('token_signature_invalid');
    expect(await codeOf(() => tokens.verify(from('two', rsa)))).toBe('token_signature_invalid');
  });
});
