// What commands make of answers that are none, and of readers that stop reading.

import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runFanfare } from '../support/process.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const KEY = 'admin-key-of-the-tests-0123456789';

describe('what answers a command', () => {
  let server: Server;
  const asked: string[] = [];
  afterEach(() => server.close());

  const start = async (answer: (path: string) => readonly [number, Record<string, string>, string]) => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const [status, headers, body] = answer(request.url ?? '');
      response.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const revoke = (url: string) => runFanfare(['revoke', 'u1', '--url', url, '--admin-key', KEY]);

  it('elsewhere is not asked there, and nothing is said to be revoked', async () => {
    const url = await start(() => [302, { Location: '/v1/revocations/elsewhere' }, '']);
    const { code, stdout, stderr } = await revoke(url);
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr).toContain('answers 302, and leads to "/v1/revocations/elsewhere": give that server as --url');
    expect(asked).toEqual([`POST /v1/revocations Bearer ${KEY}`]);
  });

  it('with something else is no revocation', async () => {
    const url = await start(() => [200, { 'Content-Type': 'application/json' }, '{"revocations":[]}']);
    const { code, stdout, stderr } = await revoke(url);
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr).toContain('nothing is known to be revoked');
  });
});

describe('a command whose reader has gone', () => {
  const piped = (command: string) =>
    spawnSync('bash', ['-c', `"$0" "$1" ${command}; echo "\${PIPESTATUS[0]}"`, process.execPath, MAIN], {
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });

  it('ends with what it has found all the same', () => {
    expect(piped('config check --role all 2> /dev/null | true').stdout.trim()).toBe('78');
  });

  it('of its errors ends as it would', () => {
    expect(piped('config check --role all 2>&1 > /dev/null | true').stdout.trim()).toBe('78');
  });
});
