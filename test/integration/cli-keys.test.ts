// What commands say of a key that is not the server's.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const KEY = 'publish-key-of-the-tests-0123456789abcdef';
const WRONG = 'wrong'.repeat(5);

describe('a server that has other keys', () => {
  let server: ServerProcess;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const keys = { FANFARE_PUBLISH_KEY: KEY, FANFARE_ADMIN_KEY: 'a'.repeat(20) };
    server = await startFanfare(['start'], { env: { FANFARE_PORT: '0', FANFARE_AUTH_SECRET: SECRET, ...keys } });
    env = { FANFARE_URL: server.url, FANFARE_AUTH_SECRET: SECRET };
  });
  afterAll(() => server?.stop());

  it.each([
    [['publish', 'ok', '1', '--publish-key', WRONG], 'the server does not accept this publish key'],
    [['history', 'ok', '--publish-key', WRONG], 'the server does not accept this publish key'],
    [['delete', 'ok', '--publish-key', WRONG], 'takes a publish key with the right to delete'],
    [['revoke', 'u1', '--admin-key', WRONG], 'not the admin key'],
    [['disconnect', 'u1', '--admin-key', WRONG], 'not the admin key'],
  ] as const)('says so of a key, and asks for no token: %j', async (args, told) => {
    const { code, stderr } = await runFanfare(args, { env });
    expect([code, stderr]).toEqual([1, expect.stringContaining(told)]);
    expect(stderr).not.toMatch(/--token|FANFARE_AUTH_SECRET|base64url/);
    expect(stderr).not.toContain(WRONG);
  });

  it('says of a wrong token that it is one', async () => {
    const { code, stderr } = await runFanfare(['history', 'ok', '--token', 'abc'], { env });
    expect([code, stderr]).toEqual([1, expect.stringContaining('give it --token')]);
  });
});
