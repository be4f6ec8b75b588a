// Reading the limit on open files.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openFileLimit } from '../../../src/config/file-limit.js';

const directory = mkdtempSync(join(tmpdir(), 'fanfare-limits-'));
afterAll(() => rmSync(directory, { recursive: true }));

function limits(line: string): number | undefined {
  const path = join(directory, 'limits');
  writeFileSync(path, `Limit   Soft Limit   Hard Limit   Units\n${line}\n`);
  return openFileLimit(path);
}

it('reads the soft limit', () => {
  expect(limits('Max open files            1024                 4096                 files')).toBe(1024);
});

it('reads no limit as a very high one', () => {
  expect(limits('Max open files            unlimited            unlimited            files')).toBe(
    Number.MAX_SAFE_INTEGER,
  );
});

it('answers nothing where the system does not tell', () => {
  expect(openFileLimit('/nowhere')).toBeUndefined();
  expect(limits('Max cpu time 1')).toBeUndefined();
});
