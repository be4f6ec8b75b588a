// Writes the table of docs/ENGINES.md from what the last run of the scenario page left: `npx vitest run test/browser/scenarios.test.ts`, then `npx tsx scripts/scenario-table.ts`.

import { readFileSync, writeFileSync } from 'node:fs';
import { COLUMNS, type Column, SCENARIOS, type Scenario } from '../test/browser/scenarios.js';

const ROOT = new URL('../', import.meta.url);
const DOC = new URL('docs/ENGINES.md', ROOT);
const PART = /(<!-- scenarios:begin -->\n)[\s\S]*?(<!-- scenarios:end -->)/;

interface Results {
  readonly versions: Readonly<Record<string, string>>;
  readonly passed: Readonly<Record<string, readonly string[]>>;
}

/** `has` tells whether a cell's scenario went well; where it has not run, the cell has the letter of its reason. */
export function scenarioTable(has: (column: Column, row: string) => boolean): string {
  const columns = Object.keys(COLUMNS) as Column[];
  const reasons = new Map<string, string>();
  const letter = (reason: string) => {
    if (!reasons.has(reason)) reasons.set(reason, String.fromCharCode('a'.charCodeAt(0) + reasons.size));
    return `(${reasons.get(reason)})`;
  };
  const cell = (row: string, { without }: Scenario, column: Column) => {
    const reason = without[column];
    if (reason !== undefined) return letter(reason);
    return has(column, row) ? '✓' : '**failed**';
  };
  const rows = Object.entries<Scenario>(SCENARIOS).map(
    ([row, scenario]) => `| ${row} | ${columns.map((column) => cell(row, scenario, column)).join(' | ')} |`,
  );
  return [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...rows,
    '',
    ...[...reasons].map(([reason, letter]) => `- (${letter}) ${reason}`),
  ].join('\n');
}

if (process.argv[1]?.endsWith('scenario-table.ts')) {
  const { versions, passed } = JSON.parse(readFileSync(new URL('dist/scenarios.json', ROOT), 'utf8')) as Results;
  const ran = Object.entries(versions).map(([engine, version]) => `${engine} ${version}`);
  const table = scenarioTable((column, row) => passed[column]?.includes(row) ?? false);
  const text = readFileSync(DOC, 'utf8');
  writeFileSync(
    DOC,
    text.replace(PART, (_, begin, end) => `${begin}The last run was with ${ran.join(', ')}.\n\n${table}\n${end}`),
  );
}
