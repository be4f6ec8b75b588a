// One mistake in the configuration, and the line that tells of it.

import { closest } from './suggest.js';

/** Characters of a value. */
const MAX_SHOWN = 80;

export interface ConfigProblem {
  /** The option's camelCase name, with the path below it where the value has parts. */
  readonly option: string;
  /** Where the value came from: `flag --port`, `env FANFARE_PORT`, `fanfare.yaml:3:7`, `default`. */
  readonly source: string;
  /** What came and what would be valid; never the text of a secret. */
  readonly message: string;
}

/** The configuration cannot be used: all of its mistakes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemLine).join('\n'));
    this.problems = problems;
  }
}

/** One line for people. */
export function problemLine(problem: ConfigProblem): string {
  return `${problem.option} (${problem.source}): ${problem.message}`;
}

/** An option that does not exist; `known` in the spelling of the place where it stood. */
export function unknownSetting(name: string, source: string, known: readonly string[]): ConfigProblem {
  const near = closest(name, known);
  const hint = near === undefined ? '' : `, did you mean "${near}"?`;
  return { option: name, source, message: `unknown setting ${shown(name)}${hint}` };
}

/** The same within an option, where few names are possible; `elsewhere` are those of its other places. */
export function misplacedSetting(
  name: string,
  source: string,
  known: readonly string[],
  elsewhere: readonly string[],
): ConfigProblem {
  const all = known.join(', ');
  if (elsewhere.includes(name)) {
    return { option: name, source, message: `${shown(name)} is not for this place, where there are ${all}` };
  }
  const problem = unknownSetting(name, source, known);
  return closest(name, known) === undefined ? { ...problem, message: `${problem.message}; there are ${all}` } : problem;
}

/** A value as it may stand in a line of text: quoted, with nothing that nobody sees, not too long. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  return String(value);
}

/** Control and format characters, halves of pairs, and every space but the usual one. */
const UNSEEN = /[\p{C}\p{Z}]/u;

function printable(text: string): string {
  const characters = [...text.slice(0, 4 * MAX_SHOWN)];
  const cut = characters.length <= MAX_SHOWN ? characters : [...characters.slice(0, MAX_SHOWN - 3), '...'];
  return cut
    .map((one) => (one !== ' ' && UNSEEN.test(one) ? `\\u{${one.codePointAt(0)?.toString(16)}}` : one))
    .join('');
}

/** Why a file cannot be read, in one line. */
export function cannotRead(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reasons: Record<string, string> = { ENOENT: 'there is no such file', EACCES: 'it may not be read' };
  const reason = reasons[String(code)] ?? (code === 'EISDIR' ? 'it is a folder' : String(code));
  return `cannot read ${shown(path)}: ${reason}`;
}
