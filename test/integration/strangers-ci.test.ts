// What README says to type in an empty folder makes a first green test, with the package in the place of a registry.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFanfare } from '../support/process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
/** Promised. */
const FIRST_TEST_WITHIN_MS = 180_000;
const READY_WITHIN_MS = 10_000;

/** The commands and the file, as they stand. */
function recipe(): { readonly commands: string; readonly file: string } {
  const [, text = ''] =
    /<!-- ci:begin -->([\s\S]*?)<!-- ci:end -->/.exec(readFileSync(`${ROOT}README.md`, 'utf8')) ?? [];
  const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(text) ?? [];
  const [, file = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
  return { commands, file };
}

const stage = mkdtempSync(join(tmpdir(), 'fanfare-stranger-'));
const folder = join(stage, 'app');
beforeAll(() => {
  mkdirSync(folder);
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
});
afterAll(() => rmSync(stage, { recursive: true }));

it('within three minutes', { timeout: FIRST_TEST_WITHIN_MS }, async () => {
  const { commands, file } = recipe();
  const name = /^\/\/ (\S+)/.exec(file)?.[1] ?? '';
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^fanfare-.*\.tgz$/)]);
  writeFileSync(join(folder, name), file);
  // As a stranger's: nothing of this run but where npm has its settings.
  const { PATH = '', HOME = '' } = process.env;
  const settings = Object.entries(process.env).filter(([key]) => /^npm_config_|proxy$|CERT|SSL/i.test(key));
  const env = { PATH, HOME, ...Object.fromEntries(settings), npm_config_prefer_offline: 'true' };
  const { stdout } = await run('sh', ['-ec', commands], { cwd: folder, env });
  expect(stdout).toMatch(/^# pass 1$|^ℹ pass 1$/m);
  expect(stdout).toMatch(/^# fail 0$|^ℹ fail 0$/m);
});

it('installs what users need and no more: no load lab, no second package, no scripts of ours', () => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(packed);
  const names: readonly string[] = files.map(({ path }: { readonly path: string }) => path);
  expect(names).toEqual(expect.arrayContaining(['dist/src/cli/main.js', 'dist/sdk.js', 'dist/client-sdk/index.d.ts']));
  expect(names).toContain('dist/src/protocol/index.d.ts');
  expect(names.filter((name) => /loadtest|client-package|tgz|tsbuildinfo/.test(name))).toEqual([]);
  expect(names.filter((name) => name.startsWith('scripts/'))).toEqual(['scripts/prepare.mjs']);
});

it('and Fanfare is ready within ten seconds', { timeout: READY_WITHIN_MS }, async () => {
  const server = await startFanfare(['start'], { env: { FANFARE_PORT: '0' } });
  expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  await server.stop();
});
