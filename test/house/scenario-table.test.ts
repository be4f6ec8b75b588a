// The table of engines and scenarios in docs/ENGINES.md has a row and a column for each, and an empty cell only where there is a reason.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { scenarioTable } from '../../scripts/scenario-table.js';

it('docs/ENGINES.md shows every scenario in every engine, passed or with the reason why it does not run there', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/ENGINES.md', import.meta.url)), 'utf8');
  expect(text).toContain(scenarioTable(() => true));
});
