// docs/RELIABILITY.md names tests that exist.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(`${ROOT}docs/RELIABILITY.md`, 'utf8').replaceAll(/\n(?! *\n)/g, ' ');

/** A link to a test file, then the titles of tests in it, in quotes. */
const NAMED = /\[(test\/[\w/.-]+\.ts)\]\([^)]*\)((?:(?:[,;]| and)* "[^"]+")*)/g;

it('each test that docs/RELIABILITY.md names stands in its file', () => {
  const missing: string[] = [];
  let count = 0;
  for (const [, path = '', titles = ''] of text.matchAll(NAMED)) {
    const source = readFileSync(`${ROOT}${path}`, 'utf8');
    for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) {
      count++;
      if (!source.includes(title)) missing.push(`${path}: ${title}`);
    }
  }
  expect(missing).toEqual([]);
  expect(count).toBeGreaterThan(20);
});
