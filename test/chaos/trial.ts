// One chaos run and the judgement on it: what it broke, whether it proves anything, and whether the judge can be trusted.

import type { Fault } from './fault.js';
import { heldMore } from './fleet.js';
import { readHistory } from './history-reader.js';
import { type JudgeOptions, judge, printVerdict, type Verdict } from './judge.js';
import type { History } from './judge-history.js';
import { convict, type MutantResult, printMutants } from './mutants.js';
import { recoveryTable } from './recovery.js';
import { MORE_DESCRIPTORS, type RunPlan, type RunResult, runChaos } from './run.js';

export interface TrialPlan extends RunPlan {
  readonly wanted: JudgeOptions;
  /** A lie in so many deliveries is planted into a copy of the history, for each kind of lie. */
  readonly lieEvery: number;
}

export interface Trial {
  readonly result: RunResult;
  readonly verdict: Verdict;
  readonly mutants: readonly MutantResult[];
  readonly history: History;
  /** Why it did not pass; empty when it did. */
  readonly failures: readonly string[];
}

/** Beyond it, what a node holds at the end counts as leaked. */
const MORE_MIB = 150;
/** Chosen: below what a person waits for, above the backoff of a client that failed a few times. */
const RECOVERS_WITHIN_MS = 30_000;

export async function holdTrial(plan: TrialPlan): Promise<Trial> {
  const result = await runChaos(plan);
  return judgeTrial(await readHistory(plan.directory), result, plan);
}

/** Judges a history that was recorded. */
export function judgeTrial(
  history: History,
  result: RunResult,
  { wanted, lieEvery, seed, faults }: Pick<TrialPlan, 'wanted' | 'lieEvery' | 'seed' | 'faults'>,
): Trial {
  const verdict = judge(history, wanted);
  const mutants = convict(history, { every: lieEvery, seed });
  const failures = [...result.troubles, ...leaks(result), ...slow(history, faults)];
  const broken = Object.entries(verdict.totals);
  if (broken.length > 0 || verdict.valid.length > 0) failures.push(printVerdict(verdict));
  if (mutants.some(({ planted, caught }) => caught !== planted)) {
    failures.push(`the judge let lies pass:\n${printMutants(mutants)}`);
  }
  return { result, verdict, mutants, history, failures };
}

/** Kinds of faults from which clients took too long to recover. */
function slow(history: History, faults: readonly Fault[]): string[] {
  return recoveryTable([history], faults).flatMap(({ fault: name, transport, published, queued }) => {
    const limits: Readonly<Record<string, number>> | undefined = faults.find(
      (fault) => fault.name === name,
    )?.recoversWithinMs;
    const within = limits?.[transport ?? ''] ?? RECOVERS_WITHIN_MS;
    const tookMs = Math.max(published.p99Ms ?? 0, queued.p99Ms ?? 0);
    const who = transport === undefined ? name : `${name}, ${transport}:`;
    return tookMs > within ? [`after ${who} 99 of 100 took ${Math.round(tookMs)} ms, which is over ${within} ms`] : [];
  });
}

function leaks({ holding: { before, after } }: RunResult): string[] {
  const descriptors = heldMore(before, after, 'descriptors');
  const rssMiB = heldMore(before, after, 'rssMiB');
  const found: string[] = [];
  if (descriptors > MORE_DESCRIPTORS) found.push(`the nodes hold ${descriptors} descriptors more`);
  if (rssMiB > MORE_MIB * after.length) found.push(`the nodes hold ${rssMiB} MiB more`);
  return found;
}
