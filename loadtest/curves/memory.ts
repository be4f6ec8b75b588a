// What a link, a channel, a waiting poll and a stream take of a server's memory, against how many of them there are.

import type { Lab } from '../lab.js';
import { type Idlers, memoryAt } from '../scenarios/connections.js';
import type { Kind } from '../server-process.js';
import { type Curve, Drawing, type Effort } from './curve.js';

/** Of what is counted. The first are what the others are held against. */
const COUNTS = [1_000, 2_500, 5_000, 10_000];
const CHANNELS_EACH = 100;
const KINDS = ['uws', 'ws'] as const satisfies readonly Kind[];

interface Thing {
  readonly name: string;
  readonly what: string;
  readonly x: string;
  readonly idlers: Idlers;
  /** How many of them come with one client; absent: one. */
  readonly each?: number;
}

export const THINGS: readonly Thing[] = [
  {
    ...{ name: 'memory-link', what: 'Memory of a WebSocket, all on one channel', x: 'WebSockets' },
    idlers: { spread: 'shared' },
  },
  {
    ...{ name: 'memory-own', what: 'Memory of a WebSocket, each on a channel of its own', x: 'WebSockets' },
    idlers: { spread: 'own' },
  },
  {
    ...{
      name: 'memory-channel',
      what: `Memory of a channel, of links with ${CHANNELS_EACH} of their own`,
      x: 'channels',
    },
    ...{ idlers: { spread: 'own', channelsEach: CHANNELS_EACH }, each: CHANNELS_EACH },
  },
  {
    ...{ name: 'memory-poll', what: 'Memory of a waiting long poll, all on one channel', x: 'waiting polls' },
    idlers: { spread: 'shared', transport: 'long-poll' },
  },
  {
    ...{ name: 'memory-stream', what: 'Memory of a stream of server-sent events, all on one channel', x: 'streams' },
    idlers: { spread: 'shared', transport: 'sse' },
  },
];

/** One engine after the other; all that idles on it does so side by side, each on a server of its own. Once: it opens 41,000 clients. */
export async function drawMemory(lab: Lab, { points }: Effort): Promise<readonly Curve[]> {
  return drawMemoryOf({ ...lab, pairs: 1 }, THINGS, COUNTS.slice(0, points));
}

export async function drawMemoryOf(
  lab: Lab,
  things: readonly Thing[],
  counts: readonly number[],
): Promise<readonly Curve[]> {
  const unit = `KiB for each beyond the first ${counts[0]?.toLocaleString('en')}`;
  const drawings = things.map(({ name, what, x }) => new Drawing({ name, what, x, unit, digits: 2 }));
  for (let round = 0; round < lab.pairs; round += 1) {
    for (const kind of KINDS) {
      await Promise.all(
        things.map(async ({ what, idlers, each = 1 }, at) => {
          const clients = counts.map((count) => count / each);
          const bytes = await memoryAt(lab, { kind }, idlers, clients);
          const slopes = slopesOf(counts, bytes);
          for (const { x, kib } of slopes) drawings[at]?.add(kind, x, kib);
          lab.log(`  ${what}, ${kind}: ${slopes.map(({ x, kib }) => `${kib.toFixed(2)} up to ${x}`).join(', ')} KiB`);
        }),
      );
    }
  }
  return drawings.map((drawing) => drawing.curve());
}

/** KiB of one more, between the first of the counts and each other. */
export function slopesOf(counts: readonly number[], bytes: readonly number[]): readonly { x: number; kib: number }[] {
  const [first = Number.NaN] = counts;
  const [before = Number.NaN] = bytes;
  return counts.slice(1).map((x, at) => ({ x, kib: ((bytes[at + 1] ?? Number.NaN) - before) / (x - first) / 1024 }));
}
