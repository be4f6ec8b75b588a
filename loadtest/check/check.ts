// `npm run bench -- --check`: measures ratios anew and says what has moved since the result that is kept. It is for information.

import type { Figure } from '../figures.js';
import type { Lab } from '../lab.js';
import { describeMachine, type Machine } from '../machine.js';
import { type Moves, movesOf, withInterval } from './moves.js';
import { NoResult, readStored, type StoredResult } from './stored-result.js';

/** Chosen: quick ones, whose ratios hold from one quarter of an hour to the next. */
export const CHECKED: readonly string[] = ['shared', 'connects', 'publishes'];

/**
 * Runs the scenarios `names` by `measure`, and tells by `say` what has moved since the result in the file `path`. Resolves with an exit code:
 * 0 whatever has moved, 1 where a figure could not be measured, 64 where there is no result to hold figures against; then nothing is measured.
 */
export async function check(
  lab: Lab,
  names: readonly string[],
  path: string,
  measure: (name: string) => Promise<readonly Figure[]>,
  say: (text: string) => void,
): Promise<number> {
  let stored: StoredResult;
  try {
    stored = readStored(path);
  } catch (error) {
    if (!(error instanceof NoResult)) throw error;
    lab.log(`--check: ${error.message}`);
    return 64;
  }
  const figures: Figure[] = [];
  for (const name of names) figures.push(...(await measure(name)));
  const moves = movesOf(stored.figures, figures, names);
  const { marks, faults } = lab.judge;
  say(describeMoves(stored, describeMachine(), moves, { marks, faults }));
  return faults.length > 0 || moves.both.length + moves.added.length === 0 ? 1 : 0;
}

/** Plain text, a line for each figure. */
export function describeMoves(
  { date, machine }: StoredResult,
  here: Machine,
  moves: Moves,
  { marks, faults }: { readonly marks: readonly string[]; readonly faults: readonly string[] },
): string {
  const { both, added, gone, isVague } = moves;
  const moved = both.filter(({ moved }) => moved === 'better' || moved === 'worse');
  return [
    `beside the result of ${date}, commit ${machine.commit}: ${moved.length} of ${both.length} ratios have moved beyond their noise (95 % intervals of the medians apart)`,
    ...differences(machine, here).map((difference) => `other than then: ${difference}`),
    ...both.map(
      ({ before, after, moved }) =>
        `${moved.padEnd(14)} ${after.what}: then ${withInterval(before)}, now ${withInterval(after)} ${after.unit}`,
    ),
    ...added.map((figure) => `not there then  ${figure.what}: now ${withInterval(figure)} ${figure.unit}`),
    ...gone.map((figure) => `not there now   ${figure.what}: then ${withInterval(figure)} ${figure.unit}`),
    ...(isVague
      ? ['That result does not say which scenarios its ratios are of: what is not there now is not named.']
      : []),
    ...marks.map((mark) => `BUSY, do not quote: ${mark}`),
    ...faults.map((fault) => `INVALID: ${fault}`),
  ].join('\n');
}

/** What may move figures that the code has no part in. */
function differences(then: Machine, here: Machine): readonly string[] {
  const parts: readonly (readonly [name: string, of: (machine: Machine) => string])[] = [
    ['machine', ({ cpu, memoryGiB }) => `${cpu}, ${memoryGiB} GiB`],
    ['kernel', ({ kernel }) => kernel],
    ['Node', ({ node }) => node],
    ['Redis', ({ redis }) => redis],
  ];
  return parts.flatMap(([name, of]) => (of(then) === of(here) ? [] : [`${name} ${of(then)}, now ${of(here)}`]));
}
