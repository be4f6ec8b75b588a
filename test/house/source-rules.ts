// The rules of a single source file: its name, its size, its first line, and what may not be written in it.

import { basename } from 'node:path';
import ts from 'typescript';
import type { SourceFile } from './tree.js';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 60;
/** Its factories hold their state in closures. */
const LONG_FUNCTIONS = 'client-sdk/';
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|mjs)$/;
/** What strangers' bytes set off must not end the process: `src/lib/timers.ts` has timers that contain what they run. */
const CONTAINED = /^(src|discovery)\//;
const TIMERS = new Set(['setInterval', 'setTimeout', 'setImmediate', 'queueMicrotask']);
const EMPTY_WORD = /(^|-)(utils?|helpers?|manager|service|impl|misc|common)(-|\.)/;
/** Assembled, so that this file does not hold what it looks for. */
const SUPPRESSION = new RegExp(['@ts-ignore', '@ts-expect-error', '@ts-nocheck', 'biome-ignore', 'eslint-'].join('|'));

export interface FunctionLength {
  readonly line: number;
  readonly lines: number;
}

/** Functions' lengths, with what they hold, save the tests that they register: a suite is as long as it has facts. */
export function functionLengths(file: SourceFile, source = parsed(file)): readonly FunctionLength[] {
  const lengths: FunctionLength[] = [];
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const linesOf = (node: ts.Node) => lineAt(node.getEnd()) - lineAt(node.getStart(source)) + 1;
  /** Measures the functions in a node; answers how many of its lines register tests. */
  const measure = (node: ts.Node): number => {
    let registering = 0;
    ts.forEachChild(node, (child) => {
      registering += measure(child);
    });
    if (ts.isFunctionLike(node) && !isRegistration(node.parent, DESCRIBES, source)) {
      lengths.push({ line: lineAt(node.getStart(source)), lines: linesOf(node) - registering });
    }
    return isRegistration(node, REGISTERS, source) ? linesOf(node) : registering;
  };
  measure(source);
  return lengths;
}

const DESCRIBES = /^describe/;
const REGISTERS = /^(describe|(it|test|(before|after)(All|Each))\b)/;

/** Such as `describe.each(…)('…', () => …)`. */
function isRegistration(node: ts.Node, pattern: RegExp, source: ts.SourceFile): boolean {
  if (!ts.isCallExpression(node) || !node.arguments.some(ts.isFunctionLike)) return false;
  return pattern.test(node.expression.getText(source));
}

function parsed({ path, text }: SourceFile): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Every broken rule as `path:line: what`. */
export function brokenRules(file: SourceFile): string[] {
  const { path, text } = file;
  const source = parsed(file);
  const lines = text.split('\n');
  const broken: string[] = [];
  const say = (line: number, what: string) => void broken.push(`${path}:${line}: ${what}`);

  if (!FILE_NAME.test(basename(path))) say(1, 'the name of a file is a kebab-case noun');
  if (EMPTY_WORD.test(basename(path))) say(1, 'the name of a file says its job');
  const count = text.endsWith('\n') ? lines.length - 1 : lines.length;
  if (count > MAX_FILE_LINES) say(count, `a file has at most ${MAX_FILE_LINES} lines, this one ${count}`);
  for (const { line, lines } of path.startsWith(LONG_FUNCTIONS) ? [] : functionLengths(file, source)) {
    if (lines > MAX_FUNCTION_LINES) say(line, `a function has at most ${MAX_FUNCTION_LINES} lines, this one ${lines}`);
  }
  const first = lines[0]?.startsWith('#!') ? 1 : 0;
  if (!/^\/\/ \S.*[.:`]$/.test(lines[first] ?? ''))
    say(first + 1, 'the first line is a comment: one sentence, its job');

  visit(source, source, path, say);
  for (const [index, line] of lines.entries()) {
    if (SUPPRESSION.test(line) && !path.startsWith('test/house/')) say(index + 1, 'a check is suppressed');
  }
  return broken;
}

type Say = (line: number, what: string) => void;

function visit(node: ts.Node, source: ts.SourceFile, path: string, say: Say): void {
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const line = lineOf(node.getStart(source));
  if (node.kind === ts.SyntaxKind.AnyKeyword) say(line, 'any');
  if (ts.isNonNullExpression(node)) say(line, 'a non-null assertion');
  if (ts.isEnumDeclaration(node)) say(line, 'an enum');
  if (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)) say(line, 'a parameter property');
  if (ts.isCatchClause(node) && isEmpty(node.block, source)) say(line, 'an empty catch');
  if (endsProcess(node) && /^(src|discovery|client-sdk|demo)\//.test(path) && !path.startsWith('src/cli/')) {
    say(line, 'process.exit is for src/cli');
  }
  if (isBareTimer(node) && CONTAINED.test(path) && path !== 'src/lib/timers.ts') {
    say(line, 'a bare timer: every, after, soon and atOnce of src/lib/timers contain what they run');
  }
  if (isTestTitle(node) && /\bshould\b/.test(node.text)) say(line, 'the title of a test is a fact, without "should"');
  ts.forEachChild(node, (child) => visit(child, source, path, say));
}

/** A comment that says why counts as content. */
function isEmpty(block: ts.Block, source: ts.SourceFile): boolean {
  return block.statements.length === 0 && !/\/\/|\/\*/.test(block.getText(source));
}

function endsProcess(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return false;
  return node.expression.text === 'process' && ['exit', 'abort', 'reallyExit'].includes(node.name.text);
}

function isBareTimer(node: ts.Node): boolean {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && TIMERS.has(node.expression.text);
}

function isTestTitle(node: ts.Node): node is ts.StringLiteralLike {
  if (!ts.isStringLiteralLike(node) || !ts.isCallExpression(node.parent)) return false;
  const called = node.parent.expression.getText();
  return node.parent.arguments[0] === node && /^(it|test|describe)\b/.test(called);
}
