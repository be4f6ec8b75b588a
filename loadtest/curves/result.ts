// loadtest/results/curves.json: read with care, since the page is made of it long after it was written, and joined with what is measured again.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../machine.js';
import { ROOT } from '../root.js';
import type { Curve } from './curve.js';
import { type FORMAT, mistakesIn } from './shape.js';

export const COMMAND = 'npm run bench -- --curves';

/** A curve, and when and from what it came. */
export interface DatedCurve extends Curve {
  readonly date: string;
  readonly commit: string;
}

export interface CurvesResult {
  readonly format: typeof FORMAT;
  readonly command: string;
  /** Its commit is that of the curves that were measured last. */
  readonly machine: Machine;
  readonly curves: readonly DatedCurve[];
}

/** Where the curves lie below a root. */
export function curvesFile(root: URL = ROOT): URL {
  return new URL('loadtest/results/curves.json', root);
}

/** Neither: there is no file. */
export interface ReadCurves {
  readonly result?: CurvesResult;
  /** All that is wrong with what is there, and how to mend it. */
  readonly mistake?: string;
}

export function readCurves(file: URL = curvesFile()): ReadCurves {
  const path = fileURLToPath(file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { mistake: `${path} is not JSON; ${MEND}` };
  }
  const mistakes = mistakesIn(value);
  if (mistakes.length > 0)
    return { mistake: `${path} is no result of \`${COMMAND}\`: ${mistakes.join('; ')}; ${MEND}` };
  return { result: withoutNulls(value as CurvesResult) };
}

const MEND = `remove it, or write it anew with \`${COMMAND}\``;

/** JSON has no NaN: what did not count is null there. */
function withoutNulls(result: CurvesResult): CurvesResult {
  const orNaN = (value: number | null): number => value ?? Number.NaN;
  const curves = result.curves.map((curve) => ({
    ...curve,
    series: curve.series.map(({ name, points }) => ({
      name,
      points: points.map(({ x, values }) => ({ x, values: values.map(orNaN) })),
    })),
  }));
  return { ...result, curves };
}

/** Whole or not at all. */
export function writeCurves(result: CurvesResult, file: URL = curvesFile()): void {
  const fresh = new URL(`${file.href}.tmp`);
  writeFileSync(fresh, `${JSON.stringify(result, null, 1)}\n`);
  renameSync(fresh, file);
}

/** Why curves that are measured here must not stand beside those of an earlier result; `undefined`: they may. */
export function againstJoining(before: CurvesResult | undefined, here: Machine): string | undefined {
  if (before === undefined) return undefined;
  const reasons = (['cpu', 'memoryGiB', 'kernel', 'node', 'redis'] as const)
    .filter((key) => before.machine[key] !== here[key])
    .map((key) => `${key} was ${before.machine[key]}, here it is ${here[key]}`);
  if (reasons.length === 0) return undefined;
  return `the curves that are there are of another machine, so all are to be measured: ${reasons.join('; ')}`;
}

/** What was measured now, in the place of what was there of the same name; what is new comes last. */
export function joined(before: CurvesResult | undefined, now: CurvesResult): CurvesResult {
  const fresh = new Map(now.curves.map((curve) => [curve.name, curve]));
  const kept = (before?.curves ?? []).map((curve) => fresh.get(curve.name) ?? curve);
  const known = new Set(kept.map(({ name }) => name));
  return { ...now, curves: [...kept, ...now.curves.filter(({ name }) => !known.has(name))] };
}
