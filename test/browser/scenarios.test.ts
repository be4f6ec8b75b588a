// The scenario page in real engines, one after the other: each browser, Node, a worker and a shared worker go through the same.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { HostileWorld } from '../support/hostile-world.js';
import { ENGINES, type Engine, type EngineName } from './engines.js';
import { COLUMNS, type Column, SCENARIOS, type Scenario, type ScenarioName } from './scenarios.js';

const PAGE = '<!DOCTYPE html><title>scenario</title><script type="module" src="/scenario-page.js"></script>';
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
/** What scripts/scenario-table.ts makes docs/ENGINES.md of. */
const RESULTS = at('dist/scenarios.json');

const bundle = async (name: string, platform: 'browser' | 'node' = 'browser') => {
  const { outputFiles } = await build({
    absWorkingDir: at(''),
    entryPoints: [`test/browser/scenario-page/${name}.ts`],
    ...{ bundle: true, write: false, format: 'esm', target: 'es2022', platform, external: ['ws'] },
  });
  return outputFiles[0]?.text ?? '';
};

const rows = Object.entries(SCENARIOS) as readonly (readonly [ScenarioName, Scenario])[];
const columns = Object.entries(COLUMNS) as readonly (readonly [Column, (typeof COLUMNS)[Column]])[];
const results = { versions: {} as Record<string, string>, passed: {} as Record<string, string[]> };
let scripts: Record<string, string>;
let code: string;

beforeAll(async () => {
  const served = ['sdk-shared.js', 'shared-worker.js'].map(async (name) => [
    `/${name}`,
    await readFile(at(`dist/${name}`), 'utf8'),
  ]);
  scripts = {
    ...Object.fromEntries(await Promise.all(served)),
    '/sdk.js': await readFile(at('dist/sdk.js'), 'utf8'),
    '/scenario-page.js': await bundle('page'),
    '/scenario-worker.js': await bundle('worker'),
  };
  code = await bundle('process', 'node');
});
afterAll(async () => {
  await mkdir(at('dist'), { recursive: true });
  await writeFile(RESULTS, JSON.stringify(results, undefined, 2));
});

describe.each(Object.entries(ENGINES) as [EngineName, (typeof ENGINES)[EngineName]][])(
  '%s',
  (name, { skipReason, start }) => {
    let engine: Engine;

    beforeAll(async () => {
      if (skipReason !== undefined) return;
      engine = await start(code);
      results.versions[name] = engine.version;
    });
    afterAll(() => engine?.close());

    const play = async (column: Column, row: ScenarioName, { setup, run }: Scenario) => {
      const world = await HostileWorld.start({ ...setup, page: PAGE, scripts });
      try {
        const tab = await engine.open(`${world.url}/`, COLUMNS[column].query);
        await run({ world, tab }).finally(() => tab.close());
        results.passed[column] = [...(results.passed[column] ?? []), row];
      } finally {
        await world.close();
      }
    };

    const mine = columns.filter(([, { engine }]) => engine === name);
    const cells = rows.flatMap(([row, scenario]) => mine.map(([column]) => ({ row, scenario, column })));
    const played = cells.filter(({ scenario, column }) => scenario.without[column] === undefined);
    const told = skipReason === undefined ? '' : ` (skipped: ${skipReason})`;
    for (const { row, scenario, column } of played) {
      const run = scenario.alone?.[column] === undefined ? it.concurrent : it;
      const test = skipReason === undefined ? run : it.skip;
      test(`${column} ${scenario.fact}${told}`, () => play(column, row, scenario));
    }
  },
);
