// The lines of docs/PRODUCTION.md that make secrets and change them, run as they stand with a folder of their own for /etc.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

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

  it('leave the new passwords alone, and no file of what was', () => {
    const before = ownPasswords();
    type(changes(3));
    expect(passwords()).toEqual(ownPasswords());
    for (const user of USERS) expect(passwords()[user]).not.toEqual(before[user]);
    expect(text('etc/fanfare/node1.env')).toContain(`redis://fanfare-node:${secret('redis-fanfare-node')}@`);
    expect(readdirSync(join(folder, 'etc/fanfare')).filter((name) => /\.(old|new)$/.test(name))).toEqual([]);
  });
});
