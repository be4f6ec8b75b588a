// `npm run fuzz`: sends a server of each engine what is nearly right and what is not, and says what did not hold.

import { parseArgs } from 'node:util';
import { holdEngines, type Trial } from '../support/hold-engines.js';
import { holdFuzz } from './trial.js';

const USAGE = `npm run fuzz -- [options]
  --minutes <n>         for each engine (default 5)
  --engine <name>       uws or ws; may be given more than once (default: both)
  --seed <n>            repeats what is chosen by chance (default: of the clock)

Everything in test/fuzz/corpus is sent first, and damaged from then on. What was sent last before something went wrong is kept there.`;

/** Chosen: at p99, of a server that does nothing else, on a machine that has a core for it. */
const ANSWER_WITHIN_MS = 250;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    engine: { type: 'string', multiple: true, default: ['uws', 'ws'] },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
});

const trial: Trial = (engine, say) => {
  say(`${engine} for ${options.minutes} min, seed ${options.seed}`);
  return holdFuzz({
    ...{ engine, seed: Number(options.seed), forMs: Number(options.minutes) * 60_000 },
    answerWithinMs: ANSWER_WITHIN_MS,
    say,
  });
};

if (options.help) console.log(USAGE);
else process.exitCode = await holdEngines('fuzz', options.engine, trial, `, seed ${options.seed}`);
