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

describe('fanfare token without a grant', () => {
  it('is signed, and said to be good for little', async () => {
    const env = { FANFARE_AUTH_SECRET: SECRET };
    const { code, stderr } = await runFanfare(['token', '--sub', 'u1'], { env });
    expect([code, stderr]).toEqual([0, expect.stringContaining('this token grants no channel')]);
    expect((await runFanfare(['token', '--sub', 'u1', '--publish-live', 'a'], { env })).stderr).toBe('');
  });
});

describe('a flag without its value', () => {
  it.each([
    [['start', '--port'], 'fanfare: port (flag --port): needs a value: --port <value>\n'],
    [['start', '--auth-secret-file'], 'fanfare: authSecretFile (flag --auth-secret-file): needs a value'],
    [['config', 'check', '--redis-url'], 'redisUrl (flag --redis-url): needs a value'],
    [['doctor', '--port'], 'fanfare: port (flag --port): needs a value'],
    [['publish', 'a', '1', '--url'], "fanfare: option '--url <url>' argument missing"],
    [['subscribe', 'a', '--transport', 'x'], "fanfare: option '--transport <transport>' argument 'x' is invalid"],
    [
      ['subscribe', 'a', '--last', '2', '--after', '-1'],
      'fanfare: last (flag --last): expected it or --after, got both',
    ],
    [['history', 'a', '--last', '0'], 'fanfare: last (flag --last): got "0", expected a whole number 1..1000'],
  ] as const)('or with a wrong one is refused in the words of all mistakes: %j', async (args, told) => {
    const { code, stderr } = await runFanfare(args);
    expect([code, stderr]).toEqual([78, expect.stringContaining(told)]);
    expect(stderr).not.toMatch(/got true|^error:/);
  });

  it('is told beside all other mistakes, and only once', async () => {
    const { stderr } = await runFanfare(['node', '--redis-url', '--host', '127.0.0.1']);
    expect(stderr.match(/redisUrl/g)).toHaveLength(1);
    expect(stderr).toContain('clusterSecret (not set)');
  });

  it('has a value in the help, with the default of the role that is asked for', async () => {
    const { stdout } = await runFanfare(['node', '--help']);
    expect(stdout).toMatch(/--host <value> +address to listen on \(default: 0\.0\.0\.0\)/);
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

  it.each([
    [['https://user:hunter2@push.example.invalid'], 'unexpected "https://(hidden)@push.example.invalid"'],
    [['discovery', 'n1'], 'unexpected "discovery"'],
    [['--urll', 'https://push.example.invalid'], '--urll (flag): unknown setting "--urll"'],
  ])('refuses what it would ask nobody for: %j', async (args, told) => {
    const { code, stdout, stderr } = await runFanfare(['doctor', ...args]);
    expect([code, stdout, stderr]).toEqual([78, '', expect.stringContaining(told)]);
    expect(stderr).not.toContain('hunter2');
  });

  it('ignores what it may find, a refusal of a token among it', async () => {
    const ignored = 'discovery_unreachable,token_expired';
    const args = ['doctor', '--ignore', ignored, '--url', 'http://127.0.0.1:1'];
    expect(await runFanfare(args)).toMatchObject({ code: 0 });
  });
});
