// Runs the test suites one after the other, the quick ones first, and closes with one line: `N passed, N failed`.
// `npm test` runs all of them; `npm test -- unit browser` only these.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What runs together; a step that hangs is ended after `minutes`, several times what it takes on a machine that is busy otherwise. */
const STEPS = [
  { suites: ['house', 'unit'], minutes: 8 },
  { suites: ['conformance'], minutes: 14 },
  { suites: ['integration'], minutes: 14 },
  { suites: ['browser'], minutes: 15 },
  { suites: ['chaos'], minutes: 15 },
];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const reports = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** One entry a failure, said again at the end: what a long log shows first is its end. */
const failures = [];

/** Resolves with whether the step's runner ended well. */
function run({ suites, minutes }, report) {
  const projects = suites.flatMap((suite) => ['--project', suite]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--passWithNoTests', ...projects, ...reporters];
  const env = { ...process.env, BUILD_IS_FRESH: '1' };
  // A process group of its own, so that nothing of a step that hangs is left behind.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], env, detached: true });
  const end = (signal) => process.kill(-child.pid, signal);
  const interrupted = () => end('SIGTERM');
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      console.log(`test: ${suites.join(' and ')} did not end within ${minutes} minutes`);
      end('SIGKILL');
    }, minutes * 60_000);
    child.once('exit', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      resolve(code === 0);
    });
  });
}

/** What each failed test of a file says, or the file itself when it failed outside of its tests. */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  const texts = failed.map((test) => `${test.fullName}\n${test.failureMessages.join('\n')}`);
  if (texts.length === 0 && status === 'failed') texts.push(message);
  return texts.map((text) => `${relative('', name)}: ${text.split('\n').slice(0, 12).join('\n    ')}`);
}

/** Adds the step's figures; an error outside of any test counts as one failure. */
function count(suites, report, good) {
  let figures;
  try {
    figures = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    total.failed += 1;
    failures.push(`${suites.join(' and ')}: ended without a report`);
    return;
  }
  const said = figures.testResults.flatMap(failuresOf);
  if (!good && said.length === 0)
    said.push(`${suites.join(' and ')}: an error outside of the tests, see its output above`);
  failures.push(...said);
  total.passed += figures.numPassedTests;
  total.skipped += figures.numPendingTests + figures.numTodoTests;
  total.failed += good ? figures.numFailedTests : Math.max(1, figures.numFailedTests);
}

const wanted = process.argv.slice(2);
const steps = STEPS.map((step) => ({
  ...step,
  suites: step.suites.filter((suite) => wanted.length === 0 || wanted.includes(suite)),
})).filter((step) => step.suites.length > 0);

const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' }).status === 0;
if (!built) {
  console.log('test: the build failed');
  total.failed += 1;
} else {
  for (const step of steps) {
    const report = join(reports, `${step.suites.join('-')}.json`);
    const startedAt = Date.now();
    const good = await run(step, report);
    count(step.suites, report, good);
    console.log(`test: ${step.suites.join(' and ')} took ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }
}
rmSync(reports, { recursive: true });
if (total.passed + total.failed === 0) total.failed = 1;
if (total.skipped > 0 && process.env.CI) {
  console.log('test: in CI a skipped test is a failure');
  total.failed += total.skipped;
}
for (const failure of failures) console.log(`test: FAILED ${failure}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
