// What a run of the tests came to, written as JSON to TEST_REPORT for scripts/test.mjs: counts, times by file, and failures in full.

import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** So much that a log stays readable. */
const MOST_STACK_LINES = 8;
const MOST_LINES = 80;
const MOST_CHARS = 2_000;

const here = (path) => relative('', path);

/** The lines of a stack that are in files of ours. */
function placesIn(stack = '') {
  const ours = stack.split('\n').filter((line) => /^ +at .*[/:]/.test(line) && !line.includes('/node_modules/'));
  return ours.slice(0, MOST_STACK_LINES).map((line) => line.replaceAll(`${process.cwd()}/`, '').trim());
}

/** A failure as a log is to have it: what was said, the whole difference, and where. */
function textOf({ name, message = '', diff, stack = '', cause }) {
  const where = placesIn(stack);
  const lines = [
    ...`${name}: ${message}`.split('\n'),
    ...(diff === undefined ? [] : diff.split('\n')),
    ...where,
    ...(cause?.message === undefined ? [] : [`because of: ${cause.message}`, ...placesIn(cause.stack)]),
  ];
  const cut = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'] : lines;
  return stripVTControlCharacters(cut.map((line) => line.slice(0, MOST_CHARS)).join('\n    '));
}

/** The errors of a file's tests, and those of the file and its suites, which end no test. */
function failuresOf(module) {
  const path = here(module.moduleId);
  const found = [];
  const add = (title, errors = []) => {
    for (const error of errors) found.push(`${path}${title === '' ? '' : ` > ${title}`}\n    ${textOf(error)}`);
  };
  add('', module.errors());
  for (const suite of module.children.allSuites()) add(suite.fullName, suite.errors());
  for (const test of module.children.allTests('failed')) add(test.fullName, test.result().errors);
  return found;
}

const countOf = ({ children }, state) => [...children.allTests(state)].length;

export default class TestReport {
  #report = { passed: 0, skipped: 0, failed: 0, files: [], failures: [] };

  /** A run that is ended from outside has told of what it has done until then. */
  onTestModuleEnd(module) {
    const { collectDuration, setupDuration, duration } = module.diagnostic();
    this.#report.files.push({
      path: here(module.moduleId),
      ms: Math.round(collectDuration + setupDuration + duration),
    });
    for (const state of ['passed', 'skipped', 'failed']) this.#report[state] += countOf(module, state);
    this.#add(failuresOf(module));
  }

  onTestRunEnd(_modules, unhandledErrors) {
    this.#add(unhandledErrors.map((error) => `outside of the tests\n    ${textOf(error)}`));
  }

  #add(failures) {
    for (const failure of failures) console.log(`test: failed ${failure}`);
    this.#report.failures.push(...failures);
    writeFileSync(process.env.TEST_REPORT, JSON.stringify(this.#report));
  }
}
