// `npm run sdk:property`: plays the SDK in worlds where everything happens, as many as asked for, and says what did not hold.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Run } from './run.js';

const USAGE = `npm run sdk:property -- [options]
  --runs <n>         how many sequences (default 100,000)
  --seed <n>         of the first one; the others follow (default 1)
  --processes <n>    side by side (default 2)
  --trace            says what happened in each that fails`;

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Answers with how many did not hold. */
async function play(runs: number, seed: number): Promise<number> {
  let failed = 0;
  for (let n = 0; n < runs; n++) {
    const broken = await new Run(seed + n).play();
    if (!broken[0]) continue;
    failed++;
    console.log(`sdk: seed ${seed + n} FAILED\n  ${broken.join('\n  ')}`);
    if (!options.trace) continue;
    const again = new Run(seed + n, true);
    await again.play();
    console.log(again.trace?.join('\n'));
  }
  return failed;
}

/** The same in `processes`, each with its share. */
async function share(runs: number, seed: number, processes: number): Promise<number> {
  const each = Math.ceil(runs / processes);
  const codes = Array.from({ length: processes }, async (_, index) => {
    const args = [...(options.trace ? ['--trace'] : []), '--processes', '1'];
    const mine = [`--runs=${Math.min(each, runs - index * each)}`, `--seed=${seed + index * each}`];
    const [code] = await once(fork(import.meta.filename, [...args, ...mine]), 'exit');
    return Number(code);
  });
  return Math.max(...(await Promise.all(codes)));
}

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const [runs, seed, processes] = [Number(options.runs), Number(options.seed), Number(options.processes)];
  if (processes > 1) return share(runs, seed, processes);
  const sinceMs = performance.now();
  const failed = await play(runs, seed);
  const each = (performance.now() - sinceMs) / runs;
  console.log(
    `sdk: seeds ${seed} to ${seed + runs - 1}: ${failed} of ${runs} did not hold; ${each.toFixed(1)} ms each`,
  );
  return failed ? 1 : 0;
}

process.exitCode = await main();
