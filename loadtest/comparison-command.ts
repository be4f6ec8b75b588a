// The flags of 0.1: the four transports against one node, with the same channel, rate and clients.

import { TRANSPORTS, type Transport } from '../src/protocol/index.js';
import { pinned } from './affinity.js';
import { compareTransports } from './comparison.js';
import { INSTRUMENTS } from './instruments.js';
import { MIN_PAYLOAD_BYTES } from './payload.js';
import { toTable } from './table.js';

export interface ComparisonFlags {
  readonly clients?: string;
  readonly rate?: string;
  readonly seconds?: string;
  readonly payload?: string;
  readonly engine?: string;
  readonly broker?: string;
  readonly transports?: string;
  readonly 'poll-every'?: string;
  readonly 'allow-busy'?: boolean;
  readonly json?: boolean;
}

/** The exit code, or what is wrong with the flags. */
export async function compareWithFlags(flags: ComparisonFlags): Promise<number | readonly string[]> {
  const mistakes: string[] = [];
  const number = (
    name: 'clients' | 'rate' | 'seconds' | 'payload' | 'poll-every',
    otherwise: number,
    least: number,
  ): number => {
    const value = Number(flags[name] ?? otherwise);
    if (!(value >= least)) mistakes.push(`--${name}: expected a number of at least ${least}, got "${flags[name]}"`);
    return value;
  };
  const oneOf = <Name extends string>(option: string, value: string, names: readonly Name[]): Name => {
    const found = names.find((name) => name === value);
    if (found === undefined) mistakes.push(`--${option}: expected one of ${names.join(', ')}, got "${value}"`);
    return found ?? (value as Name);
  };
  const options = {
    clients: number('clients', 200, 1),
    rate: number('rate', 10, 0.1),
    seconds: number('seconds', 10, 0.1),
    payloadBytes: number('payload', 128, MIN_PAYLOAD_BYTES),
    pollEveryMs: number('poll-every', 1_000, 1),
    engine: oneOf('engine', flags.engine ?? 'auto', ['auto', 'uws', 'ws'] as const),
    broker: oneOf('broker', flags.broker ?? 'redis', ['redis', 'memory'] as const),
    allowBusy: flags['allow-busy'] ?? false,
    transports: (flags.transports?.split(',') ?? TRANSPORTS).map(
      (name): Transport => oneOf('transports', name, TRANSPORTS),
    ),
  };
  if (mistakes.length > 0) return mistakes;
  // Before any process of clients is started.
  pinned();
  const rows = await compareTransports(options, INSTRUMENTS);
  process.stdout.write(flags.json ? `${JSON.stringify(rows, null, 2)}\n` : `${toTable(rows)}\n`);
  return rows.every((row) => row.figures !== undefined) ? 0 : 1;
}
