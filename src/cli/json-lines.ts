// The JSON values that a command is given, as their text: one as an argument, or those of standard input.

import { isUtf8 } from 'node:buffer';
import { ConfigError, shown } from '../config/config-problem.js';

const LINE_END = 0x0a;
const ESCAPE_QUOTE_OR_SPACE = /\\.|"|[ \t\r\n]+/g;

/** One value over several lines, or one in each that is not empty. Throws `ConfigError` that names the line, as editors count them. */
export function valuesIn(input: Buffer): readonly string[] {
  const lines = linesOf(input);
  const wrong = lines.findIndex((line) => !isUtf8(line));
  // No replacement character may stand for what somebody has written.
  if (wrong !== -1) throw refusal(lineName(wrong), 'expected UTF-8, got other bytes');
  // Some editors begin a file with a mark of its encoding.
  const text = input.toString().replace(/^\uFEFF/, '');
  if (isJson(text)) return [compact(text)];
  return text
    .split('\n')
    .map((line, index) => [line, lineName(index)] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, source]) => valueIn(line, source));
}

/** Throws `ConfigError` that names the `source`. */
export function valueIn(json: string, source: string): string {
  if (isJson(json)) return compact(json);
  throw refusal(source, `got ${shown(json)}, expected JSON; a text is written '"like this"'`);
}

/** A valid JSON text on one line, with its numbers, strings and members as they are. */
export function compact(json: string): string {
  let isInString = false;
  return json.replace(ESCAPE_QUOTE_OR_SPACE, (part) => {
    if (part === '"') isInString = !isInString;
    return isInString || part === '"' ? part : '';
  });
}

/** Whether the value says all that a compact text does: of numbers without a double, and of duplicate members, it says something else. */
export function isSaidByValue(json: string): boolean {
  return JSON.stringify(JSON.parse(json)) === json;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function linesOf(input: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  let begin = 0;
  for (let end = input.indexOf(LINE_END); end !== -1; end = input.indexOf(LINE_END, begin)) {
    lines.push(input.subarray(begin, end));
    begin = end + 1;
  }
  return [...lines, input.subarray(begin)];
}

function lineName(index: number): string {
  return `line ${index + 1} of standard input`;
}

function refusal(source: string, message: string): ConfigError {
  return new ConfigError([{ option: 'json', source, message }]);
}
