// `npm run bench -- --against <commit>`: this build and an older one take turns under the same drivers; anything worse fails it.

import type { Lab } from '../lab.js';
import { ROOT } from '../root.js';
import { buildHere, checkOut, resolveCommit } from './checkout.js';
import { judgeRatios, type MedianRatio } from './median-ratio.js';
import { measurePairs, type Pairs, withSides } from './pairs.js';
import { SCENARIOS, type Scenario } from './scenarios.js';

/** What a scenario came to; without `judged`: refused. */
export interface Outcome {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly judged?: MedianRatio & Pairs;
}

/** Compares in the named scenarios, with `lab.pairs` pairs each. */
export async function compareWith(lab: Lab, commit: string, names: readonly string[]): Promise<readonly Outcome[]> {
  const sha = await resolveCommit(commit);
  lab.log(`building this folder, and ${sha.slice(0, 12)} in a folder of its own`);
  await buildHere();
  const checkout = await checkOut(sha);
  const outcomes: Outcome[] = [];
  try {
    for (const name of names) {
      const scenario = SCENARIOS[name];
      if (scenario === undefined) throw new TypeError(`no such scenario: ${name}`);
      outcomes.push(await compare(lab, name, scenario, { now: ROOT, before: checkout.root }));
    }
  } finally {
    checkout.remove();
  }
  return outcomes;
}

/** One scenario, both builds alive side by side. */
export async function compare(
  lab: Lab,
  name: string,
  scenario: Scenario,
  roots: { readonly now: URL; readonly before: URL },
): Promise<Outcome> {
  const { what, unit } = scenario;
  lab.log(`${name}: ${what}`);
  const pairs = await withSides(
    (which) => scenario.open(lab, roots[which], `${name}, ${which}`),
    (now, before) =>
      measurePairs(now, before, lab.pairs, (one, other) => {
        lab.log(`  ${name}: now ${show(one)}, before ${show(other)} ${unit}, ${(one / other).toFixed(3)}`);
      }),
  );
  return { name, what, unit, ...(pairs === undefined ? {} : { judged: { ...pairs, ...judgeRatios(pairs.ratios) } }) };
}

/** Plain text, a line for each scenario. */
export function describeOutcomes(outcomes: readonly Outcome[], lab: Lab): string {
  const lines = outcomes.map(({ name, judged, unit }) => {
    if (judged === undefined) return `${name.padEnd(14)} refused`;
    const { median, low, high, verdict, now, before } = judged;
    const ratio = `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    return `${name.padEnd(14)} ${ratio.padEnd(24)} ${verdict.padEnd(10)} now ${show(now)}, before ${show(before)} ${unit}`;
  });
  return [
    'new ÷ old, more is better: median of the pairs and its 95 % interval (order statistics); worse: median below 0.97, interval below 1',
    ...lines,
    ...lab.judge.marks.map((mark) => `BUSY, do not quote: ${mark}`),
    ...lab.judge.faults.map((fault) => `INVALID: ${fault}`),
  ].join('\n');
}

/** 0: everything was measured and nothing is worse. */
export function exitCodeOf(outcomes: readonly Outcome[]): number {
  return outcomes.every(({ judged }) => judged?.verdict === 'not worse') ? 0 : 1;
}

function show(value: number): string {
  return Math.round(value).toLocaleString('en');
}
