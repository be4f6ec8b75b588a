// `npm run bench -- --curves [names]`: draws growth curves and puts them into docs/PERFORMANCE.md.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.js';
import { commitWithChanges, describeMachine } from '../machine.js';
import { toMarkdown } from '../performance-page.js';
import type { Result } from '../report.js';
import { ROOT } from '../root.js';
import { drawChannels } from './channels.js';
import { type Curve, type Effort, QUICK, WHOLE } from './curve.js';
import { drawHistory } from './history.js';
import { drawMemory } from './memory.js';
import { drawNodes } from './nodes.js';
import { curvesSection } from './page.js';
import { againstJoining, COMMAND, type CurvesResult, curvesFile, joined, readCurves, writeCurves } from './result.js';
import { drawSubscribers } from './subscribers.js';

export type Draw = (lab: Lab, effort: Effort) => Promise<readonly Curve[]>;

/** What is measured together. */
export const CURVES: Readonly<Record<string, Draw>> = {
  channels: drawChannels,
  subscribers: drawSubscribers,
  history: drawHistory,
  nodes: drawNodes,
  memory: drawMemory,
};

export const REPETITIONS = 3;

export interface CurvesOptions {
  /** Of {@link CURVES}. */
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly allowBusy: boolean;
}

/** Resolves with the exit code: 0 when every value counts. What was there is looked at first, so that nothing is measured in vain. */
export async function drawCurves(lab: Lab, { names, quick, allowBusy }: CurvesOptions): Promise<number> {
  const writes = !quick && !allowBusy;
  const isWhole = Object.keys(CURVES).every((name) => names.includes(name));
  const machine = { ...describeMachine(), commit: commitWithChanges() };
  const { result: before, mistake = againstJoining(before, machine) } = writes && !isWhole ? readCurves() : {};
  if (mistake !== undefined) {
    process.stderr.write(`${mistake}\n`);
    return 64;
  }
  const date = new Date().toISOString().slice(0, 10);
  const curves: Curve[] = [];
  for (const name of names) curves.push(...((await CURVES[name]?.(lab, quick ? QUICK : WHOLE)) ?? []));
  const dated = curves.map((curve) => ({ ...curve, date, commit: machine.commit }));
  const result: CurvesResult = { format: 'fanfare-curves-1', command: COMMAND, machine, curves: dated };
  const { faults, marks } = lab.judge;
  process.stdout.write(
    `${[curvesSection(result), ...marks.map((mark) => `BUSY, do not quote: ${mark}`)].join('\n')}\n`,
  );
  for (const fault of faults) process.stdout.write(`INVALID: ${fault}\n`);
  if (writes && faults.length === 0) publishCurves(joined(before, result), lab.log);
  return faults.length > 0 ? 1 : 0;
}

/** Writes the result, and the page anew of it and of the last figures. */
export function publishCurves(result: CurvesResult, log: Lab['log'], root: URL = ROOT): void {
  mkdirSync(new URL('loadtest/results/', root), { recursive: true });
  writeCurves(result, curvesFile(root));
  log(`written: ${fileURLToPath(curvesFile(root))}`);
  const latest = new URL('loadtest/results/latest.json', root);
  const page = new URL('docs/PERFORMANCE.md', root);
  if (!existsSync(latest))
    return log('docs/PERFORMANCE.md is left as it is: there are no figures yet, which `npm run bench` makes');
  writeFileSync(page, toMarkdown(JSON.parse(readFileSync(latest, 'utf8')) as Result, result));
  log(`written: ${fileURLToPath(page)}`);
}
