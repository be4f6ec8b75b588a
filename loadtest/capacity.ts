// `npm run capacity`: measures what a planner multiplies by, and writes it into the tables of docs/CAPACITY.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { deliveriesPerCore } from './capacity/deliveries.js';
import { linkBytes, restingBytes } from './capacity/node-bytes.js';
import { type Figures, machineLine, page, withTable } from './capacity/page.js';
import { redisBytes } from './capacity/redis-bytes.js';
import { INSTRUMENTS } from './instruments.js';
import { ATTEMPTS, Judge } from './judge.js';
import type { Lab } from './lab.js';
import { ROOT } from './root.js';
import { makeSecrets } from './server-process.js';

const PARTS: Readonly<Record<keyof Figures, (lab: Lab) => Promise<readonly (readonly string[])[]>>> = {
  redis: redisBytes,
  rest: restingBytes,
  links: linkBytes,
  deliveries: deliveriesPerCore,
};
const PAGE = new URL('docs/CAPACITY.md', ROOT);
const USAGE = `Usage: npm run capacity -- [options]

  --only <names>  these tables alone: ${Object.keys(PARTS).join(',')}
  --dry           says what was measured, and writes nothing

Bytes may be measured beside other work; deliveries want an idle machine.
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    dry: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
// Whoever ends early takes servers and folders along, as ending does.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const isPart = (name: string): name is keyof Figures => name in PARTS;
  const names = values.only.split(',');
  const unknown = names.filter((name) => !isPart(name));
  if (values.help || unknown.length > 0) {
    process.stderr.write(unknown.map((name) => `no such table: ${name}\n`).join('') + USAGE);
    return values.help ? 0 : 64;
  }
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const judge = new Judge({ allowBusy: true, attempts: ATTEMPTS, log });
  const lab: Lab = { instruments: INSTRUMENTS, judge, secrets: makeSecrets(), pairs: 3, log };
  let text = readFileSync(PAGE, 'utf8');
  for (const name of names.filter(isPart)) {
    const table = page(name, await PARTS[name](lab));
    log(`${machineLine()}\n${table}\n`);
    text = withTable(text, name, `${table}\n\n${machineLine()}`);
    if (!values.dry) writeFileSync(PAGE, text);
  }
  return 0;
}
