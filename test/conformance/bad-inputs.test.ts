// Runs the bad-input table: each row gets its documented answer, the server lives on, and a bystander notices nothing.

import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { codeInfo } from '../../src/protocol/index.js';
import { BAD_INPUTS } from './bad-inputs.js';
import type { BadInput, TokenRow } from './bad-inputs-case.js';
import { sendFrames, sendHttp, sendRaw } from './bad-inputs-send.js';
import { AssaultedServer, PUBLISH_KEY, userToken } from './bad-inputs-server.js';
import { hmacToken, rsaKeys, rsaToken, TOKEN_SECRET } from './bad-inputs-token.js';
import { BareSocket } from './stranger-client.js';

function rowsOf<K extends BadInput['kind']>(kind: K): readonly Extract<BadInput, { kind: K }>[] {
  return BAD_INPUTS.filter((input): input is Extract<BadInput, { kind: K }> => input.kind === kind);
}

describe.each(['uws', 'ws'])('a bad input to the %s engine', (engine) => {
  let server: AssaultedServer;
  beforeAll(async () => {
    server = await AssaultedServer.start({ FANFARE_ENGINE: engine, FANFARE_AUTH_SECRET: TOKEN_SECRET });
  });
  afterAll(() => server?.stop());

  describe('over HTTP gets its code', () => {
    it.each(rowsOf('http'))('$group: $title', async (row) => {
      await sendHttp(server.port, row);
      await server.isUnharmed();
    });
  });

  describe('on a WebSocket gets its code', () => {
    it.each(rowsOf('socket'))('$group: $title', async (row) => {
      await sendFrames(server.url, row);
      await server.isUnharmed();
    });
  });

  it('leaves no token in the log, not even one in a URL', async () => {
    const token = userToken();
    await fetch(`${server.url}/v1/ws?token=${token}`);
    await fetch(`${server.url}/v1/nothing?token=${token}`);
    await server.isUnharmed();
    for (const secret of [token, PUBLISH_KEY, TOKEN_SECRET]) expect(server.log()).not.toContain(secret);
  });
});

// Many of them are given up after a while: they wait for that side by side, on both engines.
describe.concurrent.each(['uws', 'ws'])(
  'a bad input below HTTP and WebSocket does no harm to the %s engine',
  (engine) => {
    let server: AssaultedServer;
    beforeAll(async () => {
      server = await AssaultedServer.start({ FANFARE_ENGINE: engine, FANFARE_AUTH_SECRET: TOKEN_SECRET });
    });
    afterAll(() => server?.stop());

    it.each(rowsOf('raw'))(
      '$group: $title',
      async (row) => {
        await sendRaw(server.port, row);
        await server.isUnharmed();
      },
      60_000,
    );
  },
);

describe('a bad token', () => {
  let issuer: Server;
  let servers: Readonly<Record<TokenRow['keys'], AssaultedServer>>;
  let lure: string;
  const fetched: string[] = [];

  beforeAll(async () => {
    const { publicKey } = rsaKeys();
    issuer = createServer((request, response) => {
      fetched.push(request.url ?? '');
      const jwk = { ...createPublicKey(publicKey).export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }));
    }).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    lure = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const [secret, rsa, jwks] = await Promise.all([
      AssaultedServer.start({ FANFARE_AUTH_SECRET: TOKEN_SECRET }),
      AssaultedServer.start(
        { FANFARE_AUTH_PUBLIC_KEY: publicKey, FANFARE_CLUSTER_SECRET: 'a-secret-of-another-cluster-altogether' },
        userToken(rsaToken),
      ),
      AssaultedServer.start({ FANFARE_AUTH_JWKS_URL: `${lure}/keys` }, userToken(rsaToken)),
    ]);
    servers = { secret, rsa, jwks };
  });
  afterAll(async () => {
    issuer.close();
    for (const server of Object.values(servers ?? {})) await server.stop();
  });

  it.each(rowsOf('token'))('$title', async (row) => {
    const server = servers[row.keys];
    if (row.only !== 'node') await presentToDiscovery(server, row, row.token(lure));
    if (row.only !== 'discovery') await presentToNode(server, row, row.token(lure));
    await server.isUnharmed();
  });

  it('that is a ticket with another signature, or of another cluster, is refused with 4501', async () => {
    const ticket = await ticketOf(servers.secret, userToken());
    const tampered = ticket.replace(/[^.]*$/, 'A'.repeat(43));
    const foreign = await ticketOf(servers.rsa, userToken(rsaToken));
    for (const token of [tampered, foreign]) {
      const row = { ...TICKET, code: 'token_signature_invalid' } as const;
      await presentToNode(servers.secret, row, token);
    }
  });

  it('that is a ticket is refused by discovery, and by nodes with 4005 once it has expired', async () => {
    const now = Math.floor(Date.now() / 1000);
    const ticket = await ticketOf(
      servers.secret,
      userToken((claims) => hmacToken({ ...claims, exp: now - 3 })),
    );
    await presentToDiscovery(servers.secret, { ...TICKET, code: 'wrong_token_kind' }, ticket);
    const expired = () => presentToNode(servers.secret, { ...TICKET, code: 'token_expired' }, ticket);
    await vi.waitFor(expired, { timeout: 30_000, interval: 200 });
  });

  it('makes the server fetch nothing but the configured keys', () => {
    expect(new Set(fetched)).toEqual(new Set(['/keys']));
  });
});

const TICKET: TokenRow = {
  kind: 'token',
  group: 'Tokens',
  title: 'a ticket',
  keys: 'secret',
  code: undefined,
  token: () => '',
};

async function ticketOf(server: AssaultedServer, token: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}/v1/connect`, { method: 'POST', headers });
  return ((await response.json()) as { ticket: string }).ticket;
}

async function presentToDiscovery(server: AssaultedServer, row: TokenRow, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}/v1/connect`, { method: 'POST', headers });
  const body: unknown = await response.json();
  if (row.code === undefined) return expect(response.status, JSON.stringify(body)).toBe(200);
  expect(body).toMatchObject({ status: 401, code: row.code, detail: expect.stringMatching(row.detail ?? /./) });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
}

async function presentToNode(server: AssaultedServer, row: TokenRow, token: string): Promise<void> {
  const socket = await BareSocket.open(server.url);
  socket.command('connect', { version: 1, token });
  const answer = await socket.next();
  if (row.code === undefined) {
    expect(answer).toMatchObject({ type: 'connected' });
    await socket.close();
    return;
  }
  expect(answer).toMatchObject({ type: 'error', id: 1, code: row.code });
  expect(await socket.closed).toMatchObject({ code: codeInfo(row.code).close });
}
