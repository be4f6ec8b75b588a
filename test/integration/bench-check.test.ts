// What `npm run bench -- --check` refuses, and what CI says of it. Needs `npm run build`.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../dist/loadtest/bench.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fanfare-check-'));
afterAll(() => rmSync(folder, { recursive: true }));
const old = join(folder, 'old.json');
writeFileSync(old, '{"date":"2026-01-01","figures":{}}');

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

it.concurrent.each<[string, readonly string[], string]>([
  ['a scenario that is none', ['--check', '--only', 'shared,nothing'], 'no such scenario: nothing'],
  ['a word that every object has', ['--check', '--only', 'constructor'], 'no such scenario: constructor'],
  ['two things to do instead', ['--check', '--against', 'HEAD'], '--check: not with --profile or --against'],
  ['another result without a check', ['--beside', old], '--beside: with --check alone'],
  ['a result that is not there', ['--check', '--beside', join(folder, 'nowhere.json')], 'cannot be read (ENOENT)'],
  ['a result of another kind', ['--check', '--beside', old], 'no result of this bench, or of one that is too old'],
])(
  'the command refuses %s',
  async (_, args, reason) => {
    const { code, stderr } = await run([COMMAND, ...args]);
    expect(stderr).toContain(reason);
    expect(code).toBe(64);
  },
  30_000,
);

/** What CI says of a program of node that may take so long. */
async function told(command: readonly string[], longestMs: number): Promise<readonly string[]> {
  const script = new URL('../../scripts/tell-moves.mjs', import.meta.url).href;
  const code = `(await import(${JSON.stringify(script)})).tellMoves(console.log, ${JSON.stringify(command)}, ${longestMs})`;
  const { code: ended, stdout } = await run(['--input-type=module', '-e', code]);
  expect(ended).toBe(0);
  return stdout.trimEnd().split('\n');
}

it.concurrent.each<[string, readonly string[], readonly unknown[], number?]>([
  ['what it says', ['-e', 'console.log("moved"); console.log("too")'], ['bench: moved', 'bench: too']],
  [
    'why it says nothing',
    [COMMAND, '--check', '--beside', join(folder, 'nowhere.json')],
    [expect.stringMatching(/^bench: what has moved could not be told: --check: .*ENOENT/)],
  ],
  [
    'that it ended without a word',
    ['-e', 'process.exit(3)'],
    ['bench: what has moved could not be told: it ended with 3'],
  ],
  [
    'that it was not done in time',
    ['-e', 'setInterval(() => {}, 1000)'],
    ['bench: what has moved could not be told: not done within 1 s'],
    1_000,
  ],
])(
  'CI tells of a check %s',
  async (_, command, lines, longestMs = 30_000) => {
    expect(await told(command, longestMs)).toEqual(lines);
  },
  40_000,
);
