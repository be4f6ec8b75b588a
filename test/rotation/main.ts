// `npm run rotate`: rotates the keys of tokens at an issuer that comes and goes, and says who noticed.

import { parseArgs } from 'node:util';
import { rotateKeys } from './trial.js';

const USAGE = `npm run rotate -- [options]
  --minutes <n>      how long (default 5)
  --every <seconds>  a key lasts (default 20)
  --down <seconds>   the endpoint is down, and then up (default 5)
  --clients <n>      that stay (default 200)`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    every: { type: 'string', default: '20' },
    down: { type: 'string', default: '5' },
    clients: { type: 'string', default: '200' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => console.log(`rotate: ${line}`);

if (options.help) console.log(USAGE);
else {
  const failures = await rotateKeys({
    forMs: Number(options.minutes) * 60_000,
    rotateEveryMs: Number(options.every) * 1_000,
    downMs: Number(options.down) * 1_000,
    strangerEveryMs: 1_000,
    clients: Number(options.clients),
    newcomerWithinMs: 10_000,
    knownWithinMs: 1_000,
    say,
  });
  for (const failure of failures) say(`FAILED: ${failure}`);
  say(failures.length === 0 ? 'nobody noticed' : `${failures.length} things did not hold`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
