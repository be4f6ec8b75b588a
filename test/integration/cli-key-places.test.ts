// Where commands have keys and tokens from: each of the places that servers have them from.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const ADMIN_KEY = 'admin-key-of-the-tests-0123456789abcdef';
const KEY = 'erasure-key-of-the-tests-0123456789abcdef';
const PUBLISH_KEYS = `name=shop;key=shop-${KEY};rights=publish,name=erasure;key=${KEY};rights=read delete`;

let server: ServerProcess;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-places-'));
  const env = { FANFARE_PORT: '0', FANFARE_AUTH_SECRET: SECRET };
  server = await startFanfare(['start'], {
    env: { ...env, FANFARE_ADMIN_KEY: ADMIN_KEY, FANFARE_PUBLISH_KEY: PUBLISH_KEYS },
  });
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const run = (args: readonly string[], env: Readonly<Record<string, string>>) =>
  runFanfare(args, { env: { FANFARE_URL: server.url, ...env } });

/** A key in each place: alone, and beside what else servers have there. */
const PLACES: readonly (readonly [string, () => Readonly<Record<string, string>>])[] = [
  ['variables', () => ({ FANFARE_ADMIN_KEY: `${ADMIN_KEY},other-${ADMIN_KEY}`, FANFARE_PUBLISH_KEY: PUBLISH_KEYS })],
  [
    'files behind _FILE',
    () => ({
      FANFARE_ADMIN_KEY_FILE: written('admin', `${ADMIN_KEY}\n`),
      FANFARE_PUBLISH_KEY_FILE: written('publish', `${PUBLISH_KEYS}\n`),
    }),
  ],
  [
    'the file of FANFARE_CONFIG',
    () => {
      const yaml = `adminKey: [${ADMIN_KEY}]\npublishKey: '${PUBLISH_KEYS}'\nredisUrl: redis://10.0.0.5\nport: none\n`;
      return { FANFARE_CONFIG: written('fanfare.yaml', yaml) };
    },
  ],
];

describe.each(PLACES)('keys in %s', (_, place) => {
  it.each([
    ['revoke', 'u1'],
    ['disconnect', 'u1'],
    ['history', 'news'],
    ['delete', 'news'],
  ])('are taken by %s', async (...args) => {
    const { code, stderr } = await run(args, place());
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('needed')]);
  });
});

describe('a key that cannot be had', () => {
  const missing = '/no/key';
  it.each([
    [['revoke', 'u1'], { FANFARE_ADMIN_KEY_FILE: missing }, `adminKeyFile (env FANFARE_ADMIN_KEY_FILE): cannot read`],
    [
      ['delete', 'news'],
      { FANFARE_PUBLISH_KEY_FILE: missing },
      'publishKeyFile (env FANFARE_PUBLISH_KEY_FILE): cannot read',
    ],
    [
      ['history', 'news'],
      { FANFARE_PUBLISH_KEY_FILE: missing },
      'publishKeyFile (env FANFARE_PUBLISH_KEY_FILE): cannot read',
    ],
    [['disconnect', 'u1'], { FANFARE_CONFIG: missing }, 'config (env FANFARE_CONFIG): cannot read'],
    [['disconnect', 'u1'], { FANFARE_ADMIN_KEY: 'short' }, 'adminKey (env FANFARE_ADMIN_KEY): got 5 bytes, expected'],
    [
      ['disconnect', 'u1'],
      { FANFARE_ADMIN_KEY: ADMIN_KEY, FANFARE_ADMIN_KEY_FILE: missing },
      'adminKey (env FANFARE_ADMIN_KEY, env FANFARE_ADMIN_KEY_FILE): given twice',
    ],
  ] as const)('is told once, with the place: %j', async (args, env, told) => {
    const { code, stderr } = await run(args, env);
    expect([code, stderr]).toEqual([78, expect.stringMatching(/^fanfare: .*\n$/)]);
    expect(stderr).toContain(told);
  });

  it('is typed instead, whatever is wrong with the files of others', async () => {
    const env = { FANFARE_CONFIG: missing, FANFARE_PUBLISH_KEY_FILE: missing };
    expect(await run(['disconnect', 'u1', '--admin-key', ADMIN_KEY], env)).toMatchObject({ code: 0 });
  });
});

describe('an empty FANFARE_TOKEN', () => {
  it.each([
    [['publish', 'news', '1']],
    [['subscribe', 'news', '--after', '-1', '--count', '1']],
    [['history', 'news']],
    [['doctor']],
  ])('counts as not set: %j', async (args) => {
    expect(await run(args, { FANFARE_AUTH_SECRET: SECRET, FANFARE_TOKEN: '' })).toMatchObject({ code: 0 });
  });
});
