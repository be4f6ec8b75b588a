// Files of text, as editors write them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.js';
import { readTextFile, readTextFileLater } from '../../../src/lib/text-file.js';

const folder = mkdtempSync(join(tmpdir(), 'fanfare-text-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function written(text: string): string {
  const path = join(folder, 'text');
  writeFileSync(path, text);
  return path;
}

it.each([
  ['\ufeffabc', 'abc'],
  ['abc\ufeff', 'abc\ufeff'],
  ['\ufeff', ''],
  ['', ''],
])('of %j is read without the mark before it', async (text, read) => {
  const path = written(text);
  expect(readTextFile(path)).toBe(read);
  expect(await readTextFileLater(path)).toBe(read);
});

it('with a secret gives the secret', () => {
  const flags = { adminKeyFile: written(`\ufeff${'a'.repeat(40)}\r\n`) };
  expect(loadConfig({ role: 'start', flags, env: {} }).config.adminKey).toEqual(['a'.repeat(40)]);
});
