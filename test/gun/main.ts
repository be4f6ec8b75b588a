// `npm run gun`: holds a node of each engine under fire, twice, and says what did not hold.

import { parseArgs } from 'node:util';
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

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  let failed = 0;
  for (const engine of options.engine) {
    if (engine !== 'uws' && engine !== 'ws') throw new TypeError(`there is no engine ${engine}`);
    const failures = await holdFire({
      engine,
      openFiles: Number(options.files),
      subscribers: Number(options.subscribers),
      perSecond: Number(options['per-second']),
      forMs: Number(options.seconds) * 1_000,
      runs: Number(options.runs),
      newcomerWithinMs: 2_000,
      say: (line) => console.log(`gun: ${line}`),
    });
    for (const failure of failures) console.log(`gun: FAILED on ${engine}: ${failure}`);
    failed += failures.length;
  }
  console.log(failed === 0 ? 'gun: everything held' : `gun: ${failed} things did not hold`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
