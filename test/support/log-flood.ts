// A process that logs more than its reader takes, says on standard output when it is done, and ends by a fault when its input does.

import { writeSync } from 'node:fs';
import { createPinoLogger } from '../../src/lib/pino-logger.js';

const lines = Number(process.argv[2]);
const atOnce = process.argv[3] === 'at-once';
const logger = createPinoLogger({ level: 'info', pretty: false });

process.on('uncaughtException', (error) => {
  logger.error({ error: error.message }, 'ending');
  process.exit(1);
});

for (let line = 1; line <= lines; line++) {
  logger.info({ line, filling: 'x'.repeat(400) }, 'one of many');
  // A server does other things in between.
  if (line % 100 === 0 && !atOnce) await new Promise((resolve) => setImmediate(resolve));
}
writeSync(1, `${JSON.stringify(logger.stats())}\n`);
if (atOnce) throw new Error('a fault');
process.stdin.on('end', () => {
  throw new Error('a fault');
});
process.stdin.resume();
