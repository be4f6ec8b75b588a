// Every source file keeps the house's rules, and each of these rules can fail.

import { describe, expect, it } from 'vitest';
import { brokenRules, functionLengths } from './source-rules.js';
import { sourceFiles } from './tree.js';

const files = sourceFiles();

it('finds the files of every part', () => {
  const parts = new Set(files.map(({ path }) => path.split('/')[0]));
  expect([...parts].sort()).toEqual(['client-sdk', 'demo', 'discovery', 'loadtest', 'scripts', 'src', 'test']);
  expect(files.length).toBeGreaterThan(100);
});

it('keeps every rule in every file', { timeout: 300_000 }, () => {
  expect(files.flatMap((file) => brokenRules(file))).toEqual([]);
});

it('tells the size of the house', () => {
  const code = files.filter(({ path }) => !path.startsWith('test/'));
  const ascending = (a: number, b: number) => a - b;
  const lines = code.map(({ text }) => text.split('\n').length - 1).sort(ascending);
  const functions = code.flatMap((file) => functionLengths(file));
  const total = lines.reduce((sum, count) => sum + count, 0);
  console.log(
    `house: ${lines.length} files, ${total} lines, median ${lines[lines.length >> 1]}, longest ${lines.at(-1)};`,
    `${functions.filter(({ lines }) => lines > 50).length} of ${functions.length} functions over 50 lines`,
  );
});

describe('a planted violation is found', () => {
  const GOOD = '// Does one thing.\n\nexport const a = 1;\n';
  const broken = (text: string, path = 'src/lib/a-thing.ts') => brokenRules({ path, text });

  it('and a good file has none', () => {
    expect(broken(GOOD)).toEqual([]);
    expect(broken(`#!/usr/bin/env node\n${GOOD}`, 'src/cli/main.ts')).toEqual([]);
  });

  it.each([
    ['301 lines', `// Long.\n${'export {};\n'.repeat(300)}`, 'src/lib/a.ts:301: a file has at most 300 lines'],
    [
      'a function of 61 lines',
      `${GOOD}function b() {\n${'a;\n'.repeat(59)}}\n`,
      'src/lib/a.ts:4: a function has at most 60',
    ],
    [
      'a method of 61',
      `${GOOD}class B {\nc() {\n${'a;\n'.repeat(59)}}\n}\n`,
      'src/lib/a.ts:5: a function has at most 60',
    ],
    ['no first comment', 'export const a = 1;\n', 'src/lib/a.ts:1: the first line is a comment'],
    ['a first comment that is no sentence', '// foo\nexport {};\n', 'src/lib/a.ts:1: the first line is a comment'],
    ['any', `${GOOD}let b: any;\n`, 'src/lib/a.ts:4: any'],
    ['any deep inside', `${GOOD}let b: Map<string, any[]>;\n`, 'src/lib/a.ts:4: any'],
    ['a cast to any', `${GOOD}const b = a as any;\n`, 'src/lib/a.ts:4: any'],
    ['a non-null assertion', `${GOOD}const b = a!;\n`, 'src/lib/a.ts:4: a non-null assertion'],
    ['an enum', `${GOOD}enum B { C }\n`, 'src/lib/a.ts:4: an enum'],
    [
      'a parameter property',
      `${GOOD}class B { constructor(readonly b: string) {} }\n`,
      'src/lib/a.ts:4: a parameter property',
    ],
    ['a suppressed type error', `${GOOD}// @ts-${'ignore'}\n`, 'src/lib/a.ts:4: a check is suppressed'],
    ['a suppressed lint', `${GOOD}// biome-${'ignore'} lint: x\n`, 'src/lib/a.ts:4: a check is suppressed'],
    ['an empty catch', `${GOOD}try { a; } catch {}\n`, 'src/lib/a.ts:4: an empty catch'],
    ['a bare timer', `${GOOD}setImmediate(a);\n`, 'src/lib/a.ts:4: a bare timer'],
    ['process.exit', `${GOOD}process.exit(1);\n`, 'src/lib/a.ts:4: process.exit is for src/cli'],
  ])('%s', (_, text, message) => {
    expect(broken(text, 'src/lib/a.ts')).toEqual([expect.stringContaining(message)]);
  });

  it('a long test and a long file of tests, but not a long suite', () => {
    const test = (lines: number) => `it('b', () => {\n${'a;\n'.repeat(lines - 2)}});\n`;
    const suite = (body: string) => `${GOOD}export function b() {\ndescribe.each([1])('c', () => {\n${body}});\n}\n`;
    expect(broken(suite(test(60).repeat(4)), 'test/unit/a.test.ts')).toEqual([]);
    expect(broken(suite(test(61)), 'test/unit/a.test.ts')).toEqual([expect.stringContaining('this one 61')]);
    expect(broken(suite(`const d = ${test(61).slice(9)}`), 'test/unit/a.test.ts')).toHaveLength(1);
    expect(broken(suite(test(60).repeat(5)), 'test/unit/a.test.ts')).toEqual([expect.stringContaining('at most 300')]);
  });

  it.each(['src/lib/aThing.ts', 'src/lib/a_thing.ts', 'src/lib/Thing.ts', 'src/lib/thing.mts'])(
    'the name %s',
    (path) => {
      expect(broken(GOOD, path)).toEqual([`${path}:1: the name of a file is a kebab-case noun`]);
    },
  );

  it.each(['src/lib/utils.ts', 'src/node/node-manager.ts', 'src/lib/test-helpers.ts'])(
    'the empty word in %s',
    (path) => {
      expect(broken(GOOD, path)).toEqual([`${path}:1: the name of a file says its job`]);
    },
  );

  it('a title that says what ought to be', () => {
    const title = ['it', 'should', 'work'].join(' ');
    expect(
      broken(
        `${GOOD}it('${title}', () => {});
`,
        'test/unit/a.test.ts',
      ),
    ).toHaveLength(1);
  });

  it('but not the same letters in a text, nor process.exit in the command line', () => {
    expect(broken(`${GOOD}export const b = 'any enum process.exit(1)';\n`)).toEqual([]);
    expect(broken(`${GOOD}process.exit(1);\n`, 'src/cli/main.ts')).toEqual([]);
    expect(broken(`${GOOD}socket.setTimeout(1);\n`)).toEqual([]);
    expect(broken(`${GOOD}setTimeout(a, 1);\n`, 'client-sdk/timers.ts')).toEqual([]);
  });
});
