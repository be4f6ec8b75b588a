// What a command refuses by itself, since no server would take it.

import { describe, expect, it } from 'vitest';
import { runFanfare } from '../support/process.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';

describe('fanfare token', () => {
  const token = (...args: readonly string[]) =>
    runFanfare(['token', '--sub', 'u1', ...args], { env: { FANFARE_AUTH_SECRET: SECRET } });

  it.each([
    [['--subscribe', 'a b,,c'], 'subscribe (flag --subscribe): got "a b", expected'],
    [['--publish', 'ok,a*b'], 'publish (flag --publish): got "a*b", expected'],
    [['--publish-live', 'ok,{x}'], 'publishLive (flag --publish-live): got "{x}", expected'],
    [['--presence', `a,${'x'.repeat(300)}`], 'presence (flag --presence): got "xxx'],
    [['--subscribe', Array(300).fill('ok').join(',')], 'subscribe (flag --subscribe): expected at most'],
  ] as const)('refuses what every server would: %j', async (args, told) => {
    const { code, stdout, stderr } = await token(...args);
    expect([code, stdout, stderr]).toEqual([78, '', expect.stringContaining(told)]);
  });

  it('signs what a server may take', async () => {
    const { code, stdout } = await token('--subscribe', 'news,user:${sub}:*,,', '--publish', '*');
    expect(code).toBe(0);
    const { fanfare } = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(fanfare).toMatchObject({ subscribe: ['news', 'user:${sub}:*'], publish: ['*'] });
  });
});

describe('fanfare doctor', () => {
  it('refuses to ignore what it never finds, and names what it may find', async () => {
    const { code, stderr } = await runFanfare(['doctor', '--ignore', 'redis_evicts,bogus']);
    expect(code).toBe(78);
    expect(stderr).toContain('ignore (flag --ignore): got "bogus", expected');
    expect(stderr).toContain('redis_evicts');
    expect(stderr).toContain('nodes_share_url');
  });

  it('ignores what it may find, a refusal of a token among it', async () => {
    const ignored = 'discovery_unreachable,token_expired';
    const args = ['doctor', '--ignore', ignored, '--url', 'http://127.0.0.1:1'];
    expect(await runFanfare(args)).toMatchObject({ code: 0 });
  });
});
