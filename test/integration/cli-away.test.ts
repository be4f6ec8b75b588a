// What commands say where their server cannot be reached: which URL, and why; and how they end.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothingAt } from '../../src/http/nothing-at.js';
import { problemAnswer } from '../../src/http/problem.js';
import { PATHS } from '../../src/protocol/index.js';
import { runFanfare } from '../support/process.js';
import { freePort } from '../support/redis.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const KEY = 'k'.repeat(20);
const COMMANDS: readonly (readonly string[])[] = [
  ['publish', 'ok', '1'],
  ['publish', 'ok', '1', '--live'],
  ['publish', 'ok', '1', '--publish-key', KEY],
  ['subscribe', 'ok'],
  ['history', 'ok'],
  ['history', 'ok', '--publish-key', KEY],
  ['delete', 'ok', '--publish-key', KEY],
  ['revoke', 'u1'],
  ['disconnect', 'u1'],
];

const run = (args: readonly string[], url: string) =>
  runFanfare([...args, '--url', url], { env: { FANFARE_AUTH_SECRET: SECRET, FANFARE_ADMIN_KEY: 'a'.repeat(20) } });

describe('a command', () => {
  let away: string;
  /** Speaks HTTP, and has other things to say. */
  let other: Server;
  let otherPort: number;
  /** Has nothing at any path, as a site that is not ours. */
  let lost: Server;
  let lostPort: number;
  /** The same as a server of ours says it. */
  let node: Server;
  let nodePort: number;
  beforeAll(async () => {
    away = `http://127.0.0.1:${await freePort('127.0.0.1')}`;
    other = createServer((_request, response) => response.end('<h1>welcome</h1>')).listen(0, '127.0.0.1');
    lost = createServer((_request, response) => response.writeHead(404).end('<h1>lost</h1>')).listen(0, '127.0.0.1');
    node = createServer(({ url = '' }, response) => {
      const { status, headers, body } = problemAnswer(nothingAt(url, url === PATHS.publish ? 'discovery' : 'node'));
      response.writeHead(status, headers).end(body);
    }).listen(0, '127.0.0.1');
    const portOf = (server: Server) => (server.address() as AddressInfo).port;
    await Promise.all([other, lost, node].map((server) => server.listening || once(server, 'listening')));
    [otherPort, lostPort, nodePort] = [portOf(other), portOf(lost), portOf(node)];
  });
  afterAll(() => {
    for (const server of [other, lost, node]) server?.close();
  });

  it.each(COMMANDS.map((args) => [args]))(
    'says what it asked and why nobody answers, and ends with 69: %j',
    async (args) => {
      const { code, stderr } = await run(args, away);
      const told = 'cannot be reached: nobody listens there (ECONNREFUSED)';
      expect([code, stderr]).toEqual([69, expect.stringContaining(told)]);
      expect(stderr).toContain(`fanfare: network: ${away}/`);
    },
  );

  it('says that a port is one which nobody may ask', async () => {
    const { code, stderr } = await run(['history', 'ok', '--publish-key', KEY], 'http://127.0.0.1:1');
    expect([code, stderr]).toEqual([69, expect.stringContaining('http://127.0.0.1:1/v1/channels/ok')]);
    expect(stderr).toContain('port');
  });

  it('says that what answers does not speak TLS', async () => {
    for (const args of [
      ['publish', 'ok', '1'],
      ['revoke', 'u1'],
    ] as const) {
      const { code, stderr } = await run(args, `https://127.0.0.1:${otherPort}`);
      expect([code, stderr]).toEqual([69, expect.stringContaining('what answers there does not speak TLS')]);
    }
  });

  it.each(COMMANDS.map((args) => [args]))(
    'says that what answers is no Fanfare, and what --url must be: %j',
    async (args) => {
      const { code, stderr } = await run(args, `http://127.0.0.1:${lostPort}`);
      expect([code, stderr]).toEqual([
        69,
        expect.stringMatching(/answered 404, and not as Fanfare does; --url \(FANFARE_URL\) must be/),
      ]);
      expect(stderr).not.toContain('cannot be reached');
    },
  );

  it.each([
    [['publish', 'ok', '1'], 'that of discovery, or of `fanfare start`'],
    [['publish', 'ok', '1', '--live'], 'that of discovery, or of `fanfare start`'],
    [['subscribe', 'ok'], 'that of discovery, or of `fanfare start`'],
    [['history', 'ok'], 'that of discovery, or of `fanfare start`'],
    [['revoke', 'u1'], 'needs a FANFARE_ADMIN_KEY'],
    [['disconnect', 'u1'], 'needs a FANFARE_ADMIN_KEY'],
  ] as const)(
    'says to a command that asked a node for what discovery has what --url must be: %j',
    async (args, told) => {
      const { code, stderr } = await run(args, `http://127.0.0.1:${nodePort}`);
      expect([code, stderr]).toEqual([1, expect.stringContaining(told)]);
      expect(stderr).not.toContain('cannot be reached');
    },
  );

  it('says that something else answers', async () => {
    const { code, stderr } = await run(['revoke', 'u1'], `http://127.0.0.1:${otherPort}`);
    expect([code, stderr]).toEqual([69, expect.stringContaining('answered 200, and no JSON')]);
  });
});
