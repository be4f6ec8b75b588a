// Key sets at a URL: real requests to a real server that counts them.

import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../../src/auth/token-verifier.js';
import type { Logger } from '../../../src/lib/logger.js';
import { RecordingLogger } from '../../support/recording-logger.js';
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

async function retryOf(run: () => unknown): Promise<number | undefined> {
  try {
    await run();
  } catch (error) {
    return (error as { readonly retryAfterMs?: number }).retryAfterMs;
  }
  return undefined;
}

function verifierAt(url: string, clock = { nowMs: NOW_MS }, jwks: Record<string, number> = {}, logger?: Logger) {
  const bounds = {
    maxAgeMs: 600_000,
    perFetchMs: 2_000,
    burst: 2,
    timeoutMs: 5_000,
    maxBytes: 256 * 1024,
    maxKeys: 100,
    ...jwks,
  };
  // Nothing is remembered, so that every token asks for its key.
  return createTokenVerifier({
    issuers: [{ jwksUrl: url }],
    clock: () => clock.nowMs,
    jwks: bounds,
    maxCached: 0,
    ...(logger !== undefined && { logger }),
  });
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

  it('is asked no more often than a bucket allows, and what it may not be asked for is not known yet', async () => {
    const clock = { nowMs: NOW_MS };
    const keys = [jwk('a')];
    const set = await serve((_, response) => response.end(JSON.stringify({ keys })));
    const tokens = verifierAt(set.url, clock);
    await tokens.verify(token('a'));
    const codes: string[] = [];
    for (let index = 0; index < 20; index++) codes.push(await codeOf(() => tokens.verify(token(`unknown-${index}`))));
    expect(codes.slice(0, 1)).toEqual(['token_key_unknown']);
    expect(new Set(codes.slice(1))).toEqual(new Set(['keys_unavailable']));
    expect(await retryOf(() => tokens.verify(token('c')))).toBe(2_000);
    expect(set.requests).toBe(2);
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('accepted');
    clock.nowMs += 2_000;
    keys.push(jwk('b', otherRsa));
    expect(await codeOf(() => tokens.verify(token('c')))).toBe('token_key_unknown');
    expect(await codeOf(() => tokens.verify(token('b', otherRsa)))).toBe('accepted');
    expect(set.requests).toBe(3);
  });

  it('does not deny a new key because its URL is down just now', async () => {
    const clock = { nowMs: NOW_MS };
    const keys = [jwk('a')];
    let isDown = false;
    const set = await serve((_, response) =>
      isDown ? response.writeHead(503).end() : response.end(JSON.stringify({ keys })),
    );
    const tokens = verifierAt(set.url, clock);
    await tokens.verify(token('a'));
    isDown = true;
    keys.push(jwk('b', otherRsa));
    expect(await codeOf(() => tokens.verify(token('b', otherRsa)))).toBe('keys_unavailable');
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('accepted');
    isDown = false;
    clock.nowMs += 2_000;
    expect(await codeOf(() => tokens.verify(token('b', otherRsa)))).toBe('accepted');
  });

  it('is fetched once more for a signature that does not verify', async () => {
    const clock = { nowMs: NOW_MS };
    for (const kid of ['a', undefined]) {
      const keys: object[] = [{ ...jwk('a'), kid }];
      const set = await serve((_, response) => response.end(JSON.stringify({ keys })));
      const tokens = verifierAt(set.url, clock);
      expect(await codeOf(() => tokens.verify(token(kid)))).toBe('accepted');
      keys[0] = { ...jwk('a', otherRsa), kid };
      expect(await codeOf(() => tokens.verify(token(kid, otherRsa)))).toBe('accepted');
      expect(set.requests).toBe(2);
      expect(await codeOf(() => tokens.verify(token(kid)))).toBe('keys_unavailable');
      clock.nowMs += 2_000;
      expect(await codeOf(() => tokens.verify(token(kid)))).toBe('token_signature_invalid');
      expect(set.requests).toBe(3);
    }
  });

  it('that is old serves whoever has a known key while it is fetched, and never makes one wait', async () => {
    const clock = { nowMs: NOW_MS };
    const hanging: ServerResponse[] = [];
    const answer = JSON.stringify({ keys: [jwk('a'), jwk('b', otherRsa)] });
    const set = await serve((_, response) => {
      if (set.requests === 1) response.end(JSON.stringify({ keys: [jwk('a')] }));
      else hanging.push(response);
    });
    const tokens = verifierAt(set.url, clock, { maxAgeMs: 60_000 });
    await tokens.verify(token('a'));
    clock.nowMs += 60_000;
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('accepted');
    const waiting = codeOf(() => tokens.verify(token('b', otherRsa)));
    await expect.poll(() => hanging.length).toBe(1);
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('accepted');
    hanging[0]?.end(answer);
    expect(await waiting).toBe('accepted');
    expect(set.requests).toBe(2);
  });

  it('denies a key only after a fetch that began after the token came', async () => {
    const keys = [jwk('a')];
    const held: (() => void)[] = [];
    const set = await serve((_, response) => {
      // What it answers is of the moment in which it was asked.
      const body = JSON.stringify({ keys });
      if (set.requests === 1) held.push(() => response.end(body));
      else response.end(body);
    });
    const tokens = verifierAt(set.url);
    const first = codeOf(() => tokens.verify(token('a')));
    await expect.poll(() => held.length).toBe(1);
    keys.push(jwk('b', otherRsa));
    const second = codeOf(() => tokens.verify(token('b', otherRsa)));
    held[0]?.();
    expect(await Promise.all([first, second])).toEqual(['accepted', 'accepted']);
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
      await expect.poll(() => tokens.stats().jwksUnavailable).toBe(failure);
    }
    expect(set.requests).toBe(answers.length);
  });

  it('that was never there is a failing check, one warning and no fault of the token', async () => {
    let isDown = true;
    const set = await serve((_, response) =>
      isDown ? response.writeHead(503).end() : response.end(JSON.stringify({ keys: [jwk('a')] })),
    );
    const logger = new RecordingLogger();
    const tokens = verifierAt(set.url, { nowMs: NOW_MS }, { timeoutMs: 20 }, logger);
    expect(tokens.checks()).toMatchObject([{ name: 'keys', ok: false, detail: 'no signing keys yet: not asked yet' }]);
    tokens.start();
    await expect.poll(() => tokens.stats().jwksUnavailable).toBeGreaterThan(2);
    expect(tokens.checks()).toMatchObject([
      { ok: false, detail: 'no signing keys yet: expected status 200 with a body, got 503' },
    ]);
    for (let index = 0; index < 9; index++) {
      expect(await codeOf(() => tokens.verify(token('a')))).toBe('keys_unavailable');
    }
    isDown = false;
    await expect.poll(() => tokens.checks()[0]?.ok).toBe(true);
    expect(await codeOf(() => tokens.verify(token('a')))).toBe('accepted');
    tokens.close();
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'the signing keys cannot be fetched: nobody with a token is let in until they can'],
      ['info', 'the signing keys are fetched again'],
    ]);
  });

  it('is fetched again by itself before it is too old, whether tokens come or not', async () => {
    const set = await serve((_, response) => response.end(JSON.stringify({ keys: [jwk('a')] })));
    const tokens = verifierAt(set.url, { nowMs: NOW_MS }, { maxAgeMs: 10 });
    tokens.start();
    await expect.poll(() => set.requests).toBeGreaterThan(3);
    tokens.close();
    await expect.poll(() => tokens.checks()[0]?.ok).toBe(true);
  });

  it('may begin with a byte order mark', async () => {
    const set = await serve((_, response) => response.end(`\ufeff${JSON.stringify({ keys: [jwk('a')] })}`));
    expect(await codeOf(() => verifierAt(set.url).verify(token('a')))).toBe('accepted');
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
