// The columns of a scenario as people write them: what each takes, and what is said of a value that it does not take.

import { TRANSPORTS } from '../../src/protocol/index.js';
import { MIN_PAYLOAD_BYTES } from '../payload.js';
import { type Arm, BROKERS, ENGINES, KINDS, PUBLISHED_BY } from './arm.js';

export interface Column {
  readonly key: Exclude<keyof Arm, 'scenario'>;
  /** What stands in `--help` and in errors. */
  readonly takes: string;
  readonly means: string;
  readonly accepts: (value: unknown) => boolean;
}

const MOST_LINKS = 100_000;
const MOST_RATE = 100_000;
const MOST_PAYLOAD_BYTES = 65_000; // a frame of the lab's clients, and of an HTTP request's scanner, holds no more
const MOST_SECONDS = 3_600;

function among(names: readonly string[]): Pick<Column, 'takes' | 'accepts'> {
  return {
    takes: `one of ${names.join(', ')}`,
    accepts: (value) => typeof value === 'string' && names.includes(value),
  };
}

function whole(least: number, most: number): Pick<Column, 'takes' | 'accepts'> {
  return {
    takes: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  };
}

function isRate(value: unknown): boolean {
  return KINDS.some((kind) => kind === value) || (typeof value === 'number' && value >= 0.1 && value <= MOST_RATE);
}

/** By the name that stands in a file. */
export const COLUMNS: Readonly<Record<string, Column>> = {
  engine: { key: 'engine', means: 'the server', ...among(ENGINES) },
  transport: { key: 'transport', means: 'how clients are linked', ...among(TRANSPORTS) },
  broker: { key: 'broker', means: 'what is behind a Fanfare', ...among(BROKERS) },
  links: { key: 'links', means: 'clients', ...whole(1, MOST_LINKS) },
  channels: { key: 'channels', means: 'the clients are spread over, evenly', ...whole(1, MOST_LINKS) },
  slow: { key: 'slow', means: 'of the clients read badly', ...whole(0, MOST_LINKS) },
  rate: {
    key: 'rate',
    means:
      'messages a second; flood: the next burst when all have the last; idle: memory; connects: clients come in waves; returns: they missed a batch and come back; ramp: until something gives',
    takes: `a number from 0.1 to ${MOST_RATE}, or ${KINDS.join(', ')}`,
    accepts: isRate,
  },
  payload: { key: 'payload', means: "bytes of a message's JSON", ...whole(MIN_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES) },
  batch: { key: 'batch', means: 'messages that are published at a time', ...whole(1, 1_000) },
  joins: {
    key: 'joins',
    means: "whether clients ask for a tick's messages in one frame, as the SDK does; WebSockets of a Fanfare only",
    takes: 'true or false',
    accepts: (value) => typeof value === 'boolean',
  },
  'published-by': { key: 'publishedBy', means: 'how messages are published to a Fanfare', ...among(PUBLISHED_BY) },
  seconds: {
    key: 'seconds',
    means: 'length of a measurement',
    takes: `a number from 0.5 to ${MOST_SECONDS}`,
    accepts: (value) => typeof value === 'number' && value >= 0.5 && value <= MOST_SECONDS,
  },
  'poll-every': { key: 'pollEvery', means: 'pause between short polls, in milliseconds', ...whole(1, 60_000) },
};

/** For `--help`. */
export function describeColumns(): string {
  return Object.entries(COLUMNS)
    .map(([name, { means, takes }]) => `  ${name.padEnd(12)} ${means}: ${takes}`)
    .join('\n');
}
