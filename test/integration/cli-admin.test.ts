// `fanfare revoke` and `fanfare disconnect`: what they say of what they did.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const KEY = 'admin-key-of-the-tests-0123456789abcdef';

describe('with an admin key', () => {
  let server: ServerProcess;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    server = await startFanfare(['start', '--port', '0'], { env: { FANFARE_ADMIN_KEY: KEY } });
    env = { FANFARE_URL: server.url, FANFARE_ADMIN_KEY: KEY };
  });
  afterAll(() => server?.stop());

  const run = (...args: readonly string[]) => runFanfare(args, { env });

  it.each([
    [['u1'], 'no token of "u1" is taken any more that was issued before now;'],
    [['..'], 'no token of ".." is taken any more that was issued before now;'],
    [['u1', '--ban'], 'no token of "u1" is taken any more;'],
    [['--jti', 'a3f1'], 'the token "a3f1" is not taken any more;'],
    [['--issued-before', '17'], 'no token of before 17 is taken any more;'],
  ])('revoke %j prints its id alone, and says what was done and what takes it back', async (args, told) => {
    const { code, stdout, stderr } = await run('revoke', ...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`fanfare: ${told}`)]);
    expect(stderr).toContain(`fanfare revoke --withdraw ${stdout.trim()} takes it back`);
    expect((await run('revoke', '--withdraw', stdout.trim())).stderr).toBe(
      `fanfare: the revocation ${stdout.trim()} holds no more\n`,
    );
  });

  it.each(['u1', '.', '..', 'a/b'])('disconnect says what it did: %s', async (user) => {
    const stderr = `fanfare: the links of "${user}" end now\n`;
    expect(await run('disconnect', user)).toMatchObject({ code: 0, stderr });
  });

  it('says of a revocation that no URL can name that this is why', async () => {
    const { code, stderr } = await run('revoke', '--withdraw', '..');
    expect([code, stderr]).toEqual([
      78,
      expect.stringContaining('withdraw (flag --withdraw): ".." cannot stand in a URL'),
    ]);
  });

  it('says of a revocation that is not there no more than that', async () => {
    const { code, stderr } = await run('revoke', '--withdraw', 'none');
    expect([code, stderr]).toEqual([1, 'fanfare: not_found: there is no such revocation\n']);
  });
});
