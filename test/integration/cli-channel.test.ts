// `fanfare history` and `fanfare delete`: what a channel holds, at a terminal.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const KEY = 'erasure-key-of-the-tests-0123456789abcdef';

describe('at a terminal', () => {
  let server: ServerProcess;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const publishKey = `name=erasure;key=${KEY};patterns=user:*;rights=read delete`;
    server = await startFanfare(['start'], {
      env: { FANFARE_PORT: '0', FANFARE_AUTH_SECRET: SECRET, FANFARE_PUBLISH_KEY: publishKey },
    });
    env = { FANFARE_URL: server.url, FANFARE_AUTH_SECRET: SECRET };
  });
  afterAll(() => server?.stop());

  const run = (...args: readonly string[]) => runFanfare(args, { env });
  const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

  it('a history is printed to its end, or the last of it, by token and by key', async () => {
    const input = Array.from({ length: 90 }, (_, n) => JSON.stringify({ n })).join('\n');
    expect((await runFanfare(['publish', 'user:many', '-'], { env, input })).code).toBe(0);
    const all = linesOf((await run('history', 'user:many')).stdout).map((line) => JSON.parse(line));
    expect(all.map(({ data }) => data.n)).toEqual(Array.from({ length: 90 }, (_, n) => n));
    expect(all[0]).toMatchObject({ offset: expect.any(String), time: expect.any(Number) });
    const last = linesOf((await run('history', 'user:many', '--last', '3', '--publish-key', KEY)).stdout);
    expect(last.map((line) => JSON.parse(line).data.n)).toEqual([87, 88, 89]);
  });

  it('a history is deleted by a key that has the right', async () => {
    await run('publish', 'user:u1', '1');
    expect(linesOf((await run('history', 'user:u1')).stdout)).toHaveLength(1);
    expect(await run('delete', 'user:u1', '--publish-key', KEY)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await run('history', 'user:u1')).toMatchObject({ code: 0, stdout: '' });
  });

  it.each([
    [['delete', 'user:u1'], 78, 'right to delete'],
    [['delete', 'news', '--publish-key', KEY], 1, 'forbidden: the publish key erasure is not for news'],
    [['history', 'news', '--publish-key', KEY], 1, 'forbidden'],
    [['history', 'a/b'], 78, 'channel'],
    [['history', 'news', '--last', '1001'], 78, '--last'],
  ] as const)('%j ends with %i and says why', async (args, code, told) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(told);
  });
});
