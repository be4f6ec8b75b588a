// `npm run bench`: measures the budgets beside the bare loop and writes docs/PERFORMANCE.md.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figure, verdict } from './figures.js';
import { type Lab, openLab } from './lab.js';
import { describeMachine } from './machine.js';
import { type Result, toMarkdown, toText } from './report.js';
import { connectStorm, idleMemory } from './scenarios/connections.js';
import { longPolls, ownChannels, sharedChannel } from './scenarios/fan-out.js';
import { publishLatency } from './scenarios/latency.js';

const SCENARIOS: Readonly<Record<string, (lab: Lab) => Promise<readonly Figure[]>>> = {
  shared: sharedChannel,
  own: ownChannels,
  polls: longPolls,
  memory: idleMemory,
  connects: connectStorm,
  latency: publishLatency,
};

const USAGE = `Usage: npm run bench -- [options]

  --quick         3 rounds instead of 7, nothing is written
  --only <names>  only these scenarios, nothing is written: ${Object.keys(SCENARIOS).join(',')}
`;

const ROOT = new URL('../../', import.meta.url);

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help) process.stdout.write(USAGE);
else process.exitCode = await bench(values.quick === true, values.only?.split(',') ?? Object.keys(SCENARIOS));

async function bench(quick: boolean, names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => SCENARIOS[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(`no such scenario: ${unknown.join(', ')}\n\n${USAGE}`);
    return 64;
  }
  const lab = await openLab(quick ? 3 : 7, (line) => process.stderr.write(`${line}\n`));
  const figures: Figure[] = [];
  try {
    for (const name of names) figures.push(...((await SCENARIOS[name]?.(lab)) ?? []));
  } finally {
    await lab.redis.close();
  }
  const result: Result = {
    date: new Date().toISOString().slice(0, 10),
    command: 'npm run bench',
    machine: describeMachine(),
    pairs: lab.pairs,
    figures,
    faults: lab.faults,
  };
  process.stdout.write(`${toText(result)}\n`);
  if (result.faults.length > 0) return 1;
  if (!quick && names.length === Object.keys(SCENARIOS).length) write(result);
  return figures.some((figure) => verdict(figure) === 'missed') ? 1 : 0;
}

function write(result: Result): void {
  const results = new URL('loadtest/results/', ROOT);
  mkdirSync(results, { recursive: true });
  const json = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(new URL('latest.json', results), json);
  writeFileSync(new URL(`${result.date}-${result.machine.commit}.json`, results), json);
  writeFileSync(new URL('docs/PERFORMANCE.md', ROOT), toMarkdown(result));
  process.stderr.write(`written: ${fileURLToPath(new URL('docs/PERFORMANCE.md', ROOT))}\n`);
}
