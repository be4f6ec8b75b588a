// `npm run gun`: holds a node of each engine under fire, twice, and says what did not hold.

import { parseArgs } from 'node:util';
import { holdEngines, type Trial } from '../support/hold-engines.js';
import { holdFire } from './trial.js';

const USAGE = `npm run gun -- [options]
  --engine <name>       uws or ws; may be given more than once (default: both)
  --seconds <n>         of fire, each time (default 60)
  --per-second <n>      connections (default 1000)
  --subscribers <n>     honest ones, on four transports (default 500)
  --runs <n>            at one node (default 2)
  --files <n>           open files that the node may have (default 2048)`;

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true, default: ['uws', 'ws'] },
    seconds: { type: 'string', default: '60' },
    'per-second': { type: 'string', default: '1000' },
    subscribers: { type: 'string', default: '500' },
    runs: { type: 'string', default: '2' },
    files: { type: 'string', default: '2048' },
    help: { type: 'boolean', default: false },
  },
});

const trial: Trial = (engine, say) =>
  holdFire({
    engine,
    openFiles: Number(options.files),
    subscribers: Number(options.subscribers),
    perSecond: Number(options['per-second']),
    forMs: Number(options.seconds) * 1_000,
    runs: Number(options.runs),
    newcomerWithinMs: 2_000,
    say,
  });

if (options.help) console.log(USAGE);
else process.exitCode = await holdEngines('gun', options.engine, trial);
