// `npm run rotate`: rotates the keys of tokens at an issuer that comes and goes, or all other secrets and keys, and says who noticed.

import { parseArgs } from 'node:util';
import { rotateSecrets } from './secrets-trial.js';
import { rotateKeys } from './trial.js';

const USAGE = `npm run rotate -- [options]
  --minutes <n>      how long (default 5)
  --every <seconds>  a key lasts (default 20)
  --down <seconds>   the endpoint is down, and then up (default 5)
  --clients <n>      that stay (default 200)
  --secrets          instead: secrets, keys and Redis' password, each in three steps, on two nodes`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    every: { type: 'string', default: '20' },
    down: { type: 'string', default: '5' },
    clients: { type: 'string', default: '200' },
    secrets: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => console.log(`rotate: ${line}`);

const clients = Number(options.clients);

function rotated(): Promise<readonly string[]> {
  if (options.secrets) return rotateSecrets({ clients, stages: 3, publishEveryMs: 50, say });
  return rotateKeys({
    forMs: Number(options.minutes) * 60_000,
    rotateEveryMs: Number(options.every) * 1_000,
    downMs: Number(options.down) * 1_000,
    strangerEveryMs: 1_000,
    clients,
    newcomerWithinMs: 10_000,
    knownWithinMs: 1_000,
    say,
  });
}

if (options.help) console.log(USAGE);
else {
  const failures = await rotated();
  for (const failure of failures) say(`FAILED: ${failure}`);
  say(failures.length === 0 ? 'nobody noticed' : `${failures.length} things did not hold`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
