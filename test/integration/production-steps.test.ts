// The lines of docs/PRODUCTION.md that make and change settings and secrets, run as they stand with a folder of their own for /etc.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runFanfare } from '../support/process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/PRODUCTION.md'), 'utf8');
/** In the place of what a machine has and a test has not. */
const STAND_INS = 'systemctl() { :; }; curl() { :; }; promtool() { :; }; set -e';

/** What a step says to type. */
function step(number: number): string {
  const part = PAGE.split(/^## /m).find((text) => text.startsWith(`${number}. `)) ?? '';
  return [...part.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text).join('\n');
}

describe('the lines of production', () => {
  let folder: string;
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  const secret = (name: string) => text(`etc/fanfare/${name}`).trim();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fanfare-production-'));
    for (const name of ['redis', 'systemd/system', 'prometheus'])
      mkdirSync(join(folder, 'etc', name), { recursive: true });
    type([step(2), step(3), step(4)]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** All of it in one shell. */
  function type(lines: readonly string[]): string {
    const script = [STAND_INS, ...lines]
      .join('\n')
      .replaceAll('/etc/', `${folder}/etc/`)
      .replaceAll(/ -g \w+/g, '');
    return execFileSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
  }
  /** The step that changes secrets, up to the one of its parts, with what it needs of the steps before. */
  const changes = (upTo: 1 | 2 | 3) => {
    const [functions = '', ...parts] = step(9).split(/^(?=# \d\. )/m);
    return [step(4).slice(0, step(4).indexOf('\n')), step(8), functions, ...parts.slice(0, upTo)];
  };
  const passwords = () =>
    Object.fromEntries(
      [...text('etc/redis/users.acl').matchAll(/^user (\S+) on ((?:>\S+ )+)/gm)].map(([, user = '', list = '']) => [
        user,
        list.trim().split(' '),
      ]),
    );
  const USERS = ['fanfare-node', 'publisher', 'live-publisher'];
  const ownPasswords = () => Object.fromEntries(USERS.map((user) => [user, [`>${secret(`redis-${user}`)}`]]));

  it('give each user of Redis a password of its own', () => {
    expect(passwords()).toEqual(ownPasswords());
    expect(new Set(Object.values(passwords()).flat()).size).toBe(USERS.length);
    expect(text('etc/fanfare/node1.env')).toContain(`redis://fanfare-node:${secret('redis-fanfare-node')}@`);
  });

  it('have each user of Redis take both passwords while they change', () => {
    const before = ownPasswords();
    type(changes(1));
    for (const user of USERS)
      expect(passwords()[user]).toEqual([...(before[user] ?? []), `>${secret(`redis-${user}.new`)}`]);
  });

  it('change a key that is bound within what it is bound to, and no other', async () => {
    const old = secret('publish');
    const bound = ';patterns=order:* news;rights=publish';
    const others = ',name=pages;key=another-key-of-a-backend-0123456789;patterns=chat:*;rights=read delete';
    const env = text('etc/fanfare/node1.env').replace(
      `FANFARE_PUBLISH_KEY=${old}`,
      `FANFARE_PUBLISH_KEY=name=shop;key=${old}${bound}${others}`,
    );
    writeFileSync(join(folder, 'etc/fanfare/node1.env'), env);
    const told = (name: string) =>
      type([
        ...changes(3).slice(0, 3),
        ...changes(3)
          .slice(3)
          .map((part) => `${part}\necho "$(grep ^${name}= /etc/fanfare/node1.env)"`),
      ])
        .trim()
        .split('\n')
        .map((line) =>
          line
            .slice(name.length + 1)
            .replaceAll(old, 'OLD')
            .replaceAll(secret('publish'), 'NEW'),
        );
    expect(told('FANFARE_PUBLISH_KEY')).toEqual([
      `name=shop;key=OLD${bound},key=NEW${bound}${others}`,
      `name=shop;key=NEW${bound},key=OLD${bound}${others}`,
      `name=shop;key=NEW${bound}${others}`,
    ]);
    const lines = text('etc/fanfare/node1.env')
      .split('\n')
      .filter((line) => line.startsWith('FANFARE_'));
    const settings = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(await runFanfare(['config', 'check', '--role', 'node'], { env: settings })).toMatchObject({ code: 0 });
  });

  it('have processes know both secrets, in the order in which they are used, while they change', () => {
    const before = secret('cluster');
    const print = 'grep -h ^FANFARE_CLUSTER_SECRET /etc/fanfare/node1.env';
    const [first, second, third] = changes(3)
      .slice(3)
      .map((part) => `${part}\n${print}`);
    const lists = type([...changes(3).slice(0, 3), first ?? '', second ?? '', third ?? ''])
      .trim()
      .split('\n');
    const shown = lists.map((line) => line.replace(before, 'OLD').replace(secret('cluster'), 'NEW').split('=')[1]);
    expect(shown).toEqual(['OLD,NEW', 'NEW,OLD', 'NEW']);
  });

  it('run nothing that stands in a value', () => {
    const namespaces = '{"default":{"historySize":100},"scores":{"public":true}}';
    const key = 'name=shop;key=0123456789abcdef0123;patterns=order:* news;rights=publish';
    const as = /^as\(\) \{.*?^\}$/ms.exec(step(5))?.[0] ?? '';
    const path = join(folder, 'etc/fanfare/node1.env');
    writeFileSync(path, `ROLE=node\n# A comment.\nFANFARE_NAMESPACES=${namespaces}\nFANFARE_PUBLISH_KEY=${key}\n`);
    const said = type([as, 'as node1 printenv FANFARE_NAMESPACES FANFARE_PUBLISH_KEY']);
    expect(said).toBe(`${namespaces}\n${key}\n`);
  });

  it('show the key of operators to Prometheus, and to nobody else', () => {
    type([step(6)]);
    expect(text('etc/prometheus/admin-key')).toBe(text('etc/fanfare/admin'));
    expect(statSync(join(folder, 'etc/prometheus/admin-key')).mode & 0o777).toBe(0o640);
    expect(step(9)).toContain(
      step(6)
        .split('\n')
        .find((line) => line.includes('admin-key')),
    );
  });

  it('have processes listen for their machine alone', () => {
    for (const name of ['node1', 'node2', 'discovery']) {
      expect(text(`etc/fanfare/${name}.env`)).toContain('FANFARE_HOST=127.0.0.1\n');
      expect(text(`etc/fanfare/${name}.env`)).toContain('FANFARE_OPS_HOST=127.0.0.1\n');
    }
  });

  it('make a second machine that has the secrets of the first, and its Redis', () => {
    const first = secret('cluster');
    const before = text('etc/fanfare/node2.env');
    type(['redis=10.0.0.1 ops=10.0.0.2 machine=push2.example.com', step(4)]);
    const changed = before
      .replace('@127.0.0.1:6379', '@10.0.0.1:6379')
      .replace('FANFARE_OPS_HOST=127.0.0.1', 'FANFARE_OPS_HOST=10.0.0.2')
      .replace('https://push.example.com/n/2', 'https://push2.example.com/n/2');
    expect(text('etc/fanfare/node2.env')).toBe(changed);
    expect(text('etc/fanfare/node2.env')).toContain(`FANFARE_CLUSTER_SECRET=${first}\n`);
    for (const typed of ['redis=10.0.0.1', 'ops=10.0.0.2', 'machine=push1.example.com']) expect(PAGE).toContain(typed);
  });

  it('end in CI where the server could not start, with what it ended with', () => {
    const [, lines = ''] = /## In somebody's CI[\s\S]*?```sh\n([\s\S]*?)```/.exec(PAGE) ?? [];
    const script = lines.replace(/^npm .*\n/, '').replace('node_modules/fanfare/dist', join(ROOT, 'dist'));
    const env = { PATH: process.env.PATH, FANFARE_OF_NO_NAME: 'x' };
    for (const shell of ['bash', 'sh']) {
      const { status, stderr } = spawnSync(shell, ['-c', script], {
        cwd: folder,
        env,
        encoding: 'utf8',
        timeout: 60_000,
      });
      expect([shell, status, stderr]).toEqual([shell, 78, expect.stringContaining('FANFARE_OF_NO_NAME')]);
    }
  });

  it('give users of Redis that have one password another one each', () => {
    const shared = 'a'.repeat(64);
    for (const user of USERS) {
      const acl = text('etc/redis/users.acl').replace(secret(`redis-${user}`), shared);
      writeFileSync(join(folder, 'etc/redis/users.acl'), acl);
      writeFileSync(join(folder, `etc/fanfare/redis-${user}`), shared);
    }
    type(changes(3));
    expect(passwords()).toEqual(ownPasswords());
    expect(new Set(Object.values(passwords()).flat()).size).toBe(USERS.length);
  });

  it('change nothing where what a secret was is not there', () => {
    const before = [text('etc/fanfare/node1.env'), text('etc/redis/users.acl')];
    const [functions = '', ...parts] = changes(3).slice(2);
    const lines = functions
      .replace(/^for name in .*$/m, '')
      .concat(...parts.map((part) => part.replace(/^for name in .*$/m, '')));
    type([...changes(3).slice(0, 2), 'set +e', lines, 'true']);
    expect([text('etc/fanfare/node1.env'), text('etc/redis/users.acl')]).toEqual(before);
  });

  it('leave the new passwords alone, and no file of what was', () => {
    const before = ownPasswords();
    type(changes(3));
    expect(passwords()).toEqual(ownPasswords());
    for (const user of USERS) expect(passwords()[user]).not.toEqual(before[user]);
    expect(text('etc/fanfare/node1.env')).toContain(`redis://fanfare-node:${secret('redis-fanfare-node')}@`);
    expect(readdirSync(join(folder, 'etc/fanfare')).filter((name) => /\.(old|new)$/.test(name))).toEqual([]);
  });
});
