// `npm run mutate`: breaks the SDK in one place after the other, and says where no unit test goes red.

import { parseArgs } from 'node:util';
import { Random } from '../support/random.js';
import { EXPLAINED } from './explained.js';
import type { Mutant } from './mutants.js';
import { Player } from './players.js';
import { measureReach } from './reaching.js';
import { ROOT, readSources } from './sources.js';
import { Controls, type Play, tryMutant, type Verdict } from './trial.js';

const USAGE = `npm run mutate -- [options]
  --files <path>     only mutants of files whose path contains it; may be given more than once
  --sample <n>       only so many, chosen by chance
  --seed <n>         of that choice (default 1)
  --skip <n>         so many of it were tried before (default 0)
  --only <id>        only this one; may be given more than once
  --notes <file>     which tests reach what is kept there, for the next run of the same sources
  --runs <n>         sequences of the whole SDK that are played against each (default 100)
  --processes <n>    side by side (default 2)`;

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', multiple: true, default: [] },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    skip: { type: 'string', default: '0' },
    notes: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '100' },
    processes: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

/** Ends with 85 % or more, the least that is asked for. */
const LEAST = 85;
/** A play is given up after so much, and so many times what its files take. */
const PATIENCE_MS = 20_000;
const PATIENCE = 4;

const environment = { SDK_RUNS: options.runs };

function choose(mutants: readonly Mutant[]): readonly Mutant[] {
  const { files, only, sample, seed, skip } = options;
  const asked = mutants.filter(
    ({ id, file }) =>
      (!files[0] || files.some((part) => file.includes(part))) && (!only[0] || only.includes(String(id))),
  );
  if (!sample) return asked.slice(Number(skip));
  const random = new Random(Number(seed));
  const shuffled = asked.map((mutant) => [random.next(), mutant] as const).toSorted(([a], [b]) => a - b);
  return shuffled.slice(Number(skip), Number(skip) + Number(sample)).map(([, mutant]) => mutant);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 110);

const explain = ({ file, was, becomes }: Mutant): string | undefined =>
  EXPLAINED.find((one) => one.file === file && one.was === was && one.becomes === becomes)?.why;

type Result = readonly [Mutant, Verdict];

function tell([mutant, { killer, doubted }]: Result, reached: number): void {
  const { id, file, line, was, becomes } = mutant;
  const what = `${id} ${file}:${line} ${oneLine(was)} → ${oneLine(becomes) || 'nothing'}`;
  if (killer) console.log(`killed   ${what} by ${killer.test}${killer.isLate ? ', which waits in vain' : ''}`);
  else console.log(`SURVIVES ${what} (${reached} files reach it) ${explain(mutant) ?? ''}`);
  for (const test of doubted) console.log(`  no witness: ${test}`);
}

/** By file: how many were killed of how many, and how many were left out of that as explained. */
function report(results: readonly Result[]): boolean {
  const count = (name: string, list: readonly Result[]): number => {
    const killed = list.filter(([, { killer }]) => killer);
    const late = killed.filter(([, { killer }]) => killer?.isLate).length;
    const explained = list.filter(([mutant, { killer }]) => !killer && explain(mutant)).length;
    // What nobody can tell from the original is none that a test could kill.
    const mortal = list.length - explained;
    const rate = mortal ? (100 * killed.length) / mortal : 100;
    const share = `${killed.length} of ${mortal} killed (${late} by waiting in vain), ${rate.toFixed(1)} %`;
    console.log(`mutate: ${name}: ${share}; ${explained} more are explained`);
    return rate;
  };
  const files = [...new Set(results.map(([{ file }]) => file))].toSorted();
  for (const file of files)
    count(
      file,
      results.filter(([mutant]) => mutant.file === file),
    );
  return count('all', results) >= LEAST;
}

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const chosen = choose([...readSources().values()].flatMap(({ mutants }) => mutants));
  const sinceMs = performance.now();
  const reach = await measureReach(environment, options.notes);
  console.log(`mutate: ${chosen.length} mutants; the tests take ${(reach.totalMs / 1_000).toFixed(1)} s one by one`);
  const queue = [...chosen];
  const results: Result[] = [];
  const controls = new Controls();
  const work = async () => {
    const player = new Player(environment);
    const play = (what: Play) => player.play(what, PATIENCE_MS + PATIENCE * reach.timeOf(what.files));
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const files = reach.of(mutant);
      const verdict = await tryMutant(mutant.id, files, controls, play);
      if (verdict.killer?.file) reach.killed(mutant, verdict.killer.file);
      results.push([mutant, verdict]);
      tell([mutant, verdict], files.length);
    }
    player.end();
  };
  await Promise.all(Array.from({ length: Number(options.processes) }, work));
  const each = (performance.now() - sinceMs) / 1_000 / Math.max(1, chosen.length);
  console.log(`mutate: ${each.toFixed(2)} s each, in ${ROOT}`);
  return report(results) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
