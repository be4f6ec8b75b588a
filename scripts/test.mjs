// Runs the test suites, the quick ones first, and closes with times, failures in full, and one line: `N passed, N failed`.
// `npm test` runs all of them; `npm test -- unit browser` only these.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tellMoves } from './tell-moves.mjs';
import { LONG, WAITING } from './test-order.mjs';

/** What runs together; a step that hangs is ended after `minutes`, several times what it takes on a machine that is busy otherwise. */
const STEPS = [
  { suites: ['house', 'unit'], minutes: 8 },
  { suites: ['conformance'], minutes: 16 },
  { suites: ['integration'], minutes: 20 },
  { suites: ['browser', 'chaos'], minutes: 20 },
];
const SLOWEST = 10;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const reports = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** `{ path, ms }` of every file that ran. */
const files = [];
/** Said once more at the end: what a long log shows first is its end. */
const failures = [];

const seconds = (ms) => `${Math.round(ms / 1000)} s`;

/** Resolves with whether the runner ended well; `terms` are its own. */
function run({ name, terms, minutes }, report) {
  // What is slow is told at the end, and what passed has nothing to say.
  const told = [
    '--reporter=default',
    '--reporter=./scripts/test-report.mjs',
    '--slowTestThreshold=30000',
    '--silent=passed-only',
  ];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--passWithNoTests', ...terms, ...told];
  // Not by names of Fanfare's: servers of the tests inherit them, and refuse what they do not know.
  const env = { ...process.env, BUILD_IS_FRESH: '1', TEST_REPORT: report };
  // A process group of its own, so that nothing of a step that hangs is left behind.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], env, detached: true });
  const end = (signal) => process.kill(-child.pid, signal);
  const interrupted = () => end('SIGTERM');
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      failures.push(`${name}: did not end within ${minutes} minutes`);
      end('SIGKILL');
    }, minutes * 60_000);
    child.once('exit', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      resolve(code === 0);
    });
  });
}

/** Runs it and adds its figures; an error outside of any test counts as one failure. */
async function runAndCount(step) {
  const report = join(reports, `${step.name.replaceAll(' ', '-')}.json`);
  const startedAt = performance.now();
  const good = await run(step, report);
  console.log(`test: ${step.name} took ${seconds(performance.now() - startedAt)}`);
  let figures;
  try {
    figures = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    total.failed += 1;
    failures.push(`${step.name}: ended without a report`);
    return;
  }
  if (!good && figures.failures.length === 0) figures.failures.push(`${step.name}: failed, see its output above`);
  failures.push(...figures.failures);
  files.push(...figures.files);
  total.passed += figures.passed;
  total.skipped += figures.skipped;
  total.failed += good ? figures.failed : Math.max(1, figures.failed);
}

const suiteOf = (path) => path.split('/')[1];
const projects = (suites) => suites.flatMap((suite) => ['--project', suite]);

/** The steps of `suites` in turn. */
async function runAll(suites) {
  for (const step of STEPS) {
    const own = step.suites.filter((suite) => suites.includes(suite));
    if (own.length > 0) await runAndCount({ name: own.join(' and '), minutes: step.minutes, terms: projects(own) });
  }
  // Whatever the order says, no file is left out, and none is named that is not there any more.
  const ran = new Set(files.map(({ path }) => path));
  const missed = suites.flatMap(filesOf).filter((path) => !ran.has(path));
  const unknown = [...WAITING, ...LONG].filter((path) => !existsSync(path));
  if (missed.length > 0) failures.push(`${missed.length} files did not run to their end: ${missed.join(', ')}`);
  failures.push(...unknown.map((path) => `${path}: named in scripts/test-order.mjs, and is not there`));
  total.failed += missed.length + unknown.length;
}

function filesOf(suite) {
  const names = readdirSync(join('test', suite), { recursive: true });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join('test', suite, name));
}

function tellTimes(suites) {
  for (const suite of suites) {
    const own = files.filter(({ path }) => suiteOf(path) === suite);
    const ms = own.reduce((sum, file) => sum + file.ms, 0);
    console.log(`test: ${suite}: ${own.length} files, ${seconds(ms)} one after the other`);
  }
  const slowest = files.toSorted((one, other) => other.ms - one.ms).slice(0, SLOWEST);
  for (const { path, ms } of slowest) console.log(`test: slow: ${seconds(ms).padStart(6)}  ${path}`);
}

const all = STEPS.flatMap(({ suites }) => suites);
const wanted = process.argv.slice(2);
const suites = all.filter((suite) => wanted.length === 0 || wanted.includes(suite));
const startedAt = performance.now();
if (spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' }).status === 0) await runAll(suites);
else {
  failures.push('the build failed');
  total.failed += 1;
}
rmSync(reports, { recursive: true });
if (total.passed + total.failed === 0) total.failed = 1;
if (total.skipped > 0 && process.env.CI) {
  failures.push('in CI a skipped test is a failure');
  total.failed += total.skipped;
}
tellTimes(suites);
if (process.env.CI && wanted.length === 0) tellMoves((line) => console.log(`test: ${line}`));
for (const failure of failures) console.log(`test: FAILED ${failure}`);
console.log(`test: took ${seconds(performance.now() - startedAt)}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
