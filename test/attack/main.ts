// `npm run attack`: lets one ticket do what it likes to a node of each engine, and says what did not hold.

import { parseArgs } from 'node:util';
import { holdEngines, type Trial } from '../support/hold-engines.js';
import { withstand } from './trial.js';

const USAGE = `npm run attack -- [options]
  --engine <name>    uws or ws; may be given more than once (default: both)
  --seconds <n>      of all attacks at once (default 60)
  --each <n>         seconds of each attack alone, before (default 10; 0: none)
  --only <name>      of the attacks that are made alone; may be given more than once (default: all)
  --at-once <n>      rounds of each attack under way (default 8)
  --allow-busy       do not judge how long anything took`;

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true, default: ['uws', 'ws'] },
    seconds: { type: 'string', default: '60' },
    each: { type: 'string', default: '10' },
    only: { type: 'string', multiple: true },
    'at-once': { type: 'string', default: '8' },
    'allow-busy': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const trial: Trial = (engine, say) =>
  withstand({
    engine,
    eachMs: Number(options.each) * 1_000,
    ...(options.only !== undefined && { only: options.only }),
    allMs: Number(options.seconds) * 1_000,
    atOnce: Number(options['at-once']),
    judgesTime: !options['allow-busy'],
    judgesEnd: true,
    say,
  });

if (options.help) console.log(USAGE);
else process.exitCode = await holdEngines('attack', options.engine, trial);
