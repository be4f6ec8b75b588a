// A verdict on a ticket that comes later, since the log of revocations or a key had to be asked for, may be too old when it comes: it is asked again.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../src/auth/authenticator.js';
import type { Authenticator } from '../../src/auth/identity.js';
import { createTicketAuthority } from '../../src/auth/ticket.js';
import { createTokenVerifier } from '../../src/auth/token-verifier.js';
import { endedError } from '../../src/cluster/revocation-ending.js';
import { silentLogger } from '../../src/lib/logger.js';
import { SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { startNode, type TestNode } from '../support/push-node.js';

const SECRET = 'a secret of the tests, 32 bytes long';
const tickets = createTicketAuthority({ secrets: [SECRET], audience: 'tests' });
const tokens = createTokenVerifier({ issuers: [{ secret: SECRET }], allowStar: true, logger: silentLogger });

describe.each(['uws', 'ws'] as const)('on the %s engine, a ticket that is revoked behind its verdict', (engine) => {
  let node: TestNode;
  /** What the cluster has revoked: everything, or nothing. */
  let isRevoked: boolean;

  beforeEach(async () => {
    isRevoked = false;
    const inner = createAuthenticator({ tickets, tokens, allowUserTokens: false });
    const authenticator: Authenticator = {
      // The revocation is heard, and links have been ended, once the verdict stands and before whoever waits for it has it.
      async verify(text, remember) {
        const identity = await inner.verify(text, remember);
        isRevoked = true;
        return identity;
      },
    };
    const revocations = {
      onEnding: () => undefined,
      requireGood: () => {
        if (isRevoked) throw endedError('revoked');
      },
      status: () => ({ name: 'revocations', ok: true, sinceMs: 0, detail: '' }),
      stats: () => ({}),
    };
    node = await startNode({ engine, parts: { authenticator, revocations } });
  });
  afterEach(() => node.close());

  it.each([
    ['/v1/poll', { channels: { news: 'now' }, waitMs: 20_000 }],
    ['/v1/poll', { channels: { news: 'now' }, waitMs: 0 }],
    ['/v1/poll', { channels: { news: '-1' }, waitMs: 0 }],
    ['/v1/stream', { channels: { news: 'now' } }],
    ['/v1/publish', { channel: 'news', data: 1 }],
    ['/v1/publish', { messages: [{ channel: 'news', data: 1 }] }],
  ])('is not good for POST %s of %j', async (path, body) => {
    const answer = await post(node.url + path, body, { ticket: node.ticket(), signal: AbortSignal.timeout(5_000) });
    expect(answer).toMatchObject({ status: 401, body: { code: 'revoked' } });
    expect((await node.broker.read('news', '-1', { maxEntries: 1, maxBytes: 1_000 })).entries).toEqual([]);
  });

  it.each(['', '?live=sse&offset=now', '?live=long-poll&offset=now'])(
    'is not good for a channel with %j',
    async (query) => {
      const headers = { Authorization: `Bearer ${node.ticket()}` };
      const answer = await fetch(`${node.url}/v1/channels/news${query}`, {
        headers,
        signal: AbortSignal.timeout(5_000),
      });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'revoked' });
    },
  );

  it('is not good for a WebSocket', async () => {
    const client = new SocketClient(node.url);
    client.connect(node.ticket());
    expect(await client.events.nextOf('connected', 'closed')).toMatchObject({ type: 'closed', code: 4503 });
  });
});
