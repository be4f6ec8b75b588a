// `npm run test:deploy`: types what docs/PRODUCTION.md says to type, on this machine, beside its own files and network, and says what came of it.

import { parseArgs } from 'node:util';
import { deployByThePage, skipReason } from './by-the-page.js';

const USAGE = `npm run test:deploy -- [options]
  --clients <n>   that stay connected while nodes are deployed and secrets change (default 500)
  --slice         the machine comes up, serves and ends, and no more
It needs root, and redis-server, nginx, prometheus, chromium, openssl and util-linux of Debian.`;

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '500' },
    slice: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (skipReason !== undefined) {
    console.error(`test:deploy: ${skipReason}\n${USAGE}`);
    return 69;
  }
  const terms = { clients: Number(options.clients), slice: options.slice };
  const { results, failures, log } = await deployByThePage(terms);
  for (const [name, told] of results) console.log(`test:deploy: ${name} ${told}`);
  if (failures.length > 0) console.error(log);
  for (const failure of failures) console.error(`test:deploy: FAILED ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main();
