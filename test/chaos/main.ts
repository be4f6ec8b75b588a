// `npm run chaos`: the command line of the chaos harness.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SHAPES, type Shape, TLS_SHAPES } from './beds.js';
import { FAULTS } from './faults.js';
import type { History } from './judge-history.js';
import { printMutants } from './mutants.js';
import { formatRecovery, recoveryTable } from './recovery.js';
import { holdTrial, type Trial } from './trial.js';

const USAGE = `npm run chaos -- [options]
  --minutes <n>     of faults, over all shapes together (default 30)
  --shape <name>    single, sentinel or cluster; may be given more than once (default: each)
  --tls             Redis speaks TLS alone: Sentinels with passwords, a Cluster by name; no single server
  --fault <text>    only faults whose name holds this text; may be given more than once
  --seed <n>        repeats what is chosen by chance (default: of the clock)
  --clients <n>     (default 1000)
  --channels <n>    (default 200)
  --rate <n>        publishes a second (default 80)
  --keep <folder>   where the histories go, and stay
  --calm <seconds>  between two faults (default: 2.5 to 3.5)
  --list            the faults, and nothing else`;

/** The fault that is there to lose something has to. */
const MUST_LOSE = ['master killed with what no replica had'];

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    shape: { type: 'string', multiple: true },
    tls: { type: 'boolean', default: false },
    fault: { type: 'string', multiple: true },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '1000' },
    channels: { type: 'string', default: '200' },
    rate: { type: 'string', default: '80' },
    keep: { type: 'string' },
    calm: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const faults = FAULTS.filter(({ name }) => options.fault?.some((text) => name.includes(text)) ?? true);
  if (options.list) {
    for (const { name, shapes, damage } of faults) console.log(`${name} (${shapes.join(', ')}; may cost: ${damage})`);
    return 0;
  }
  const known = options.tls ? TLS_SHAPES : SHAPES;
  const wanted = ((options.shape ?? known) as readonly Shape[]).filter((shape) => known.includes(shape));
  const shapes = wanted.filter((shape) => faults.some((fault) => fault.shapes.includes(shape)));
  if (shapes.length === 0) {
    console.error(`chaos: no fault fits; --list shows them\n\n${USAGE}`);
    return 64;
  }
  const seed = Number(options.seed);
  console.log(`chaos: seed ${seed}`);
  const root = options.keep ?? (await mkdtemp(join(tmpdir(), 'fanfare-chaos-')));
  let failed = 0;
  const histories: History[] = [];
  for (const shape of shapes) {
    const directory = await mkdtemp(join(root, `${shape}-`));
    const applicable = faults.filter((fault) => fault.shapes.includes(shape));
    const trial = await holdTrial({
      ...{
        directory,
        shape,
        tls: options.tls,
        seed,
        workers: 2,
        channelsPerClient: 2,
        faults: applicable,
        lieEvery: 100_000,
      },
      ...{ clients: Number(options.clients), channels: Number(options.channels) },
      publishesPerSecond: Number(options.rate),
      ...(options.calm !== undefined && { calmMs: Number(options.calm) * 1_000 }),
      forMs: (Number(options.minutes) * 60_000) / shapes.length,
      wanted: {
        ...{ minAcknowledged: 1_000, minDeliveries: 10_000, minResumes: 50 },
        ...{
          minClients: Number(options.clients),
          minChannels: Number(options.channels),
          requireFaults: applicable.map(({ name }) => name),
          mustLose: MUST_LOSE,
        },
      },
      log: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${shape}: ${line}`),
    });
    failed += print(shape, trial);
    histories.push(trial.history);
    console.log(`${shape}: histories in ${directory}`);
  }
  if (shapes.length > 1) console.log(`\nall together:\n\n${formatRecovery(recoveryTable(histories, FAULTS))}\n`);
  if (options.keep === undefined && failed === 0) await rm(root, { recursive: true });
  console.log(failed === 0 ? `chaos: passed, seed ${seed}` : `chaos: ${failed} failures, seed ${seed}`);
  return failed === 0 ? 0 : 1;
}

function print(shape: Shape, { result, verdict, mutants, history, failures }: Trial): number {
  console.log(`\n${shape}: ${JSON.stringify(verdict.counts)}`);
  console.log(`${shape}: ${JSON.stringify({ latency: result.latency, holding: result.holding })}`);
  console.log(`\n${formatRecovery(recoveryTable([history], FAULTS))}\n`);
  console.log(printMutants(mutants));
  for (const failure of failures) console.log(`\n${shape} FAILED: ${failure}`);
  return failures.length;
}

// Node 20 does not end by itself where a socket was reset at the wrong moment: it waits for its handle, for ever.
process.exit(await main());
