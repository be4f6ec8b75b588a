// How many deliveries a second of a core brings: the server's CPU alone, by transport and engine.

import { median } from '../figures.js';
import { type Crowd, type Lab, openStage } from '../lab.js';
import { FLOODED, OWN, OWN_FLOODED, POLLED_GENTLY, POLLS, SHARED, STREAMS } from '../scenarios/crowds.js';
import { flood, type Measured, pace, type Stage } from '../traffic.js';
import { whole } from './page.js';

interface Load {
  readonly what: string;
  readonly crowd: Crowd;
  readonly run: (stage: Stage) => Promise<Measured>;
}

const LOADS: readonly Load[] = [
  { what: 'WebSockets on one channel, bursts of 64', crowd: SHARED, run: (stage) => flood(stage, FLOODED) },
  {
    what: 'WebSockets on one channel, one message after the other',
    crowd: SHARED,
    run: (stage) => flood(stage, { messages: 256, batch: 1 }),
  },
  {
    what: 'WebSockets, each on a channel of its own, bursts of 64',
    crowd: OWN,
    run: (stage) => flood(stage, OWN_FLOODED),
  },
  {
    what: 'streams of server-sent events on one channel, bursts of 64',
    crowd: STREAMS,
    run: (stage) => flood(stage, FLOODED),
  },
  { what: 'long polls on one channel, 5 messages a second', crowd: POLLS, run: (stage) => pace(stage, POLLED_GENTLY) },
];
const ROUNDS = 3;

export async function deliveriesPerCore(lab: Lab): Promise<readonly (readonly string[])[]> {
  const rows: string[][] = [];
  for (const load of LOADS) {
    const cells: string[] = [];
    for (const kind of ['uws', 'ws'] as const) cells.push(whole(await perCpuSecond(lab, kind, load)));
    lab.log(`  ${load.what}: ${cells.join(', ')} deliveries per CPU-second`);
    rows.push([load.what, ...cells]);
  }
  return rows;
}

/** The median of some rounds, behind one that warms up. Rejects where anything was lost: what did not arrive cost nothing. */
async function perCpuSecond(lab: Lab, kind: 'uws' | 'ws', { what, crowd, run }: Load): Promise<number> {
  const stage = await openStage(lab, { kind }, crowd);
  try {
    const rounds: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const { served, watched, report } = await run(stage.logged);
      if (report.lost > 0) throw new Error(`${what}, ${kind}: ${report.lost} deliveries were lost`);
      if (round > 0) rounds.push(served / watched.server);
    }
    return median(rounds);
  } finally {
    await stage.close();
  }
}
