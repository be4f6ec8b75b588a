// Reads the result that an earlier bench has kept, of which nothing is believed unseen.

import { readFileSync } from 'node:fs';
import type { Figure } from '../figures.js';
import type { Machine } from '../machine.js';

/** What of a kept result a check needs. */
export interface StoredResult {
  readonly date: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

/** Says why there is nothing to hold figures against. */
export class NoResult extends Error {}

const HOW = 'npm run bench, on an idle machine, writes one';
const MACHINE = ['cpu', 'kernel', 'node', 'redis', 'commit'] as const;

/** Throws {@link NoResult} where the file is missing, or no result of a bench whose figures are known. */
export function readStored(path: string): StoredResult {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new NoResult(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code}): ${HOW}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NoResult(`${path} is not JSON: ${HOW}`, { cause });
  }
  const missing = whatIsMissing(value);
  if (missing !== undefined)
    throw new NoResult(`${path} is no result of this bench, or of one that is too old (${missing}): ${HOW}`);
  return value as StoredResult;
}

function whatIsMissing(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is no object';
  const { date, machine, figures } = value;
  if (typeof date !== 'string') return 'no date';
  if (!isObject(machine)) return 'no machine';
  const untold = MACHINE.find((name) => typeof machine[name] !== 'string');
  if (untold !== undefined) return `no machine.${untold}`;
  if (typeof machine.memoryGiB !== 'number') return 'no machine.memoryGiB';
  if (!Array.isArray(figures) || figures.length === 0) return 'no figures';
  const odd = figures.findIndex((figure) => !isFigure(figure));
  return odd < 0 ? undefined : `figure ${odd} is none`;
}

function isFigure(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { what, unit, digits, values } = value;
  const isNamed = typeof what === 'string' && typeof unit === 'string' && Number.isInteger(digits);
  // A value that did not count was not a number, which JSON has no word for.
  return isNamed && Array.isArray(values) && values.every((one) => one === null || typeof one === 'number');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
