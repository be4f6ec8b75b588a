// `npm run soak`: hours of ordinary life on both engines, and whether anything grew.

import { parseArgs } from 'node:util';
import type { Slope } from './slope.js';
import { soak } from './trial.js';

const USAGE = `npm run soak -- [options]
  --minutes <n>      how long (default 120)
  --warm-up <n>      minutes at its beginning that are not looked at (default a third)
  --every <seconds>  what is held is looked at (default 30)
  --deploy <seconds> a node is replaced each so often (default 60)
  --readers <n>      of which half come and go (default 200)`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    'warm-up': { type: 'string' },
    every: { type: 'string', default: '30' },
    deploy: { type: 'string', default: '60' },
    readers: { type: 'string', default: '200' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} soak: ${line}`);
const told = (name: string, { perHour, noise, level, grows }: Slope) =>
  `${grows ? 'GROWS' : 'steady'}: ${name} ${perHour.toFixed(2)} ± ${noise.toFixed(2)} an hour, at ${level.toFixed(1)}`;

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const minutes = Number(options.minutes);
  const { failures, slopes, ...counts } = await soak({
    forMs: minutes * 60_000,
    warmUpMs: Number(options['warm-up'] ?? minutes / 3) * 60_000,
    lookEveryMs: Number(options.every) * 1_000,
    deployEveryMs: Number(options.deploy) * 1_000,
    readers: Number(options.readers),
    publishEveryMs: 250,
    say,
  });
  say(JSON.stringify(counts));
  for (const [name, slope] of slopes) say(told(name, slope));
  const growing = [...slopes.values()].filter(({ grows }) => grows).length;
  if (failures.length > 0) say(`${failures.length} things did not hold, the first: ${failures[0]}`);
  say(failures.length + growing === 0 ? 'passed' : 'failed');
  return failures.length + growing === 0 ? 0 : 1;
}

// Node 20 does not end by itself where a socket was reset at the wrong moment: it waits for its handle, for ever.
process.exit(await main());
