// One mistake in the configuration, and the line that tells of it.

import { closest } from './suggest.js';

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
  return {
    option: name,
    source,
    message: `unknown setting "${printable(name)}"${near === undefined ? '' : `, did you mean "${near}"?`}`,
  };
}

/** A value as it may stand in a line of text: quoted, without control characters, not too long. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  return String(value);
}

function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length <= 80 ? clean : `${clean.slice(0, 77)}...`;
}

/** Why a file cannot be read, in one line. */
export function cannotRead(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reasons: Record<string, string> = { ENOENT: 'there is no such file', EACCES: 'it may not be read' };
  const reason = reasons[String(code)] ?? (code === 'EISDIR' ? 'it is a folder' : String(code));
  return `cannot read ${shown(path)}: ${reason}`;
}
