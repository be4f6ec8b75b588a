// `npm run loadtest`: the four transports against one node, with the same channel, rate and clients.

import { parseArgs } from 'node:util';
import { TRANSPORTS, type Transport } from '../src/protocol/index.js';
import { pinned } from './affinity.js';
import { compareTransports } from './comparison.js';
import { INSTRUMENTS } from './instruments.js';
import { MIN_PAYLOAD_BYTES } from './payload.js';
import { toTable } from './table.js';

const USAGE = `Usage: npm run loadtest -- [options]

  --clients <n>        clients per transport (200)
  --rate <n>           messages per second (10)
  --seconds <n>        length of a measurement (10)
  --payload <bytes>    size of a message's JSON, at least ${MIN_PAYLOAD_BYTES} (128)
  --engine <name>      auto, uws or ws (auto)
  --broker <name>      redis (a private redis-server is started) or memory (redis)
  --transports <list>  ${TRANSPORTS.join(',')} (all)
  --poll-every <ms>    pause of a short poll (1000)
  --allow-busy         print figures of a busy machine or driver too, marked
  --json               print JSON

Exits with 1 when messages went astray, when the rate was not kept (below 98 %), or when the machine or a driver was too busy for the
figures to be believed; the last line says why.
`;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    rate: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    payload: { type: 'string', default: '128' },
    engine: { type: 'string', default: 'auto' },
    broker: { type: 'string', default: 'redis' },
    transports: { type: 'string', default: TRANSPORTS.join(',') },
    'poll-every': { type: 'string', default: '1000' },
    'allow-busy': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else process.exitCode = await main();

async function main(): Promise<number> {
  const mistakes: string[] = [];
  const number = (name: 'clients' | 'rate' | 'seconds' | 'payload' | 'poll-every', least: number): number => {
    const value = Number(values[name]);
    if (!(value >= least)) mistakes.push(`--${name}: expected a number of at least ${least}, got "${values[name]}"`);
    return value;
  };
  const oneOf = <Name extends string>(option: string, value: string, names: readonly Name[]): Name => {
    const found = names.find((name) => name === value);
    if (found === undefined) mistakes.push(`--${option}: expected one of ${names.join(', ')}, got "${value}"`);
    return found ?? (value as Name);
  };
  const options = {
    clients: number('clients', 1),
    rate: number('rate', 0.1),
    seconds: number('seconds', 0.1),
    payloadBytes: number('payload', MIN_PAYLOAD_BYTES),
    pollEveryMs: number('poll-every', 1),
    engine: oneOf('engine', values.engine, ['auto', 'uws', 'ws'] as const),
    broker: oneOf('broker', values.broker, ['redis', 'memory'] as const),
    allowBusy: values['allow-busy'],
    transports: values.transports.split(',').map((name): Transport => oneOf('transports', name, TRANSPORTS)),
  };
  if (mistakes.length > 0) {
    process.stderr.write(`${mistakes.join('\n')}\n\n${USAGE}`);
    return 64;
  }
  // Before any process of clients is started.
  pinned();
  const rows = await compareTransports(options, INSTRUMENTS);
  process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : `${toTable(rows)}\n`);
  return rows.every((row) => row.figures !== undefined) ? 0 : 1;
}
