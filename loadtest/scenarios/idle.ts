// What links cost that nothing is sent on but heartbeats, beside a bare loop that sends the same.

import { LIMITS } from '../../src/protocol/index.js';
import { type Figure, ratios } from '../figures.js';
import { Fleet } from '../fleet.js';
import { type Host, type Lab, pause, quiet, startHost } from '../lab.js';
import type { Kind } from '../server-process.js';
import { doubtsOf } from '../validity.js';
import { type Watched, watch } from '../watch.js';
import { BUDGETS } from './budgets.js';
import { crowdOn } from './connections.js';

const LINKS = 10_000;
const AT_ONCE = 200;
/** So that every link has as many heartbeats in a window, whatever its rhythm. */
const HEARTBEATS = 3;
const KINDS = ['bare', 'uws', 'ws'] as const satisfies readonly Kind[];

/** Chosen: a server opens and idles for half a minute each time. */
const MOST_ROUNDS = 5;

/**
 * One server after the other, round by round: servers that idle side by side on one processor take each other's caches away at
 * every wake-up, and the one with more to remember pays more for that (measured: 1.37 × bare beside others, 1.25 alone).
 */
export async function idleLinks(lab: Lab): Promise<readonly Figure[]> {
  const perHeartbeat = KINDS.map((): number[] => []);
  for (let round = 0; round < Math.min(MOST_ROUNDS, lab.pairs); round += 1) {
    for (const [at, kind] of KINDS.entries()) perHeartbeat[at]?.push(await idleOf(lab, kind));
    lab.log(`  ${WHAT}: ${KINDS.map((kind, at) => `${kind} ${perHeartbeat[at]?.at(-1)?.toFixed(1)} µs`).join(', ')}`);
  }
  return figuresOf(perHeartbeat);
}

/** What one heartbeat of one link takes, in µs; not a number where the judge has refused the window. */
async function idleOf(lab: Lab, kind: Kind): Promise<number> {
  const host = await startHost(lab, { kind, bareDoes: 'heartbeats' });
  const fleet = new Fleet(1, lab.instruments.driverFlags);
  try {
    await fleet.open({ ...crowdOn(lab, host, { kind }, 'shared'), count: LINKS, atOnce: AT_ONCE });
    await quiet(lab.instruments.proc, host.server.pid);
    const watched = await lab.judge.quietly(
      `${WHAT}, ${kind}`,
      () => idle(lab, host, fleet),
      (window) => doubtsOf({ watched: window }),
    );
    return ((watched?.server ?? Number.NaN) / (LINKS * HEARTBEATS)) * 1e6;
  } finally {
    await fleet.close();
    await host.close();
  }
}

const WHAT = `CPU of ${LINKS} idle WebSockets, a heartbeat each ${LIMITS.heartbeatMs / 1000} s`;

function figuresOf(perHeartbeat: readonly number[][]): readonly Figure[] {
  const [bare = []] = perHeartbeat;
  return KINDS.flatMap((kind, at): Figure[] => {
    const values = perHeartbeat[at] ?? [];
    const what = `${WHAT}, ${kind}`;
    const absolute = { what, values, unit: 'µs per link and heartbeat', digits: 1 };
    if (kind === 'bare') return [absolute];
    const ratio = { what, values: ratios(values, bare), unit: '× bare', digits: 2, isBetter: 'less' } as const;
    return [kind === 'uws' ? { ...ratio, budget: BUDGETS.idle.uws } : ratio, absolute];
  });
}

/** One window. */
async function idle({ instruments: { proc } }: Lab, host: Host, fleet: Fleet): Promise<Watched> {
  const end = watch(proc, { server: host.server.pid, drivers: [...fleet.pids, process.pid] });
  await pause(HEARTBEATS * LIMITS.heartbeatMs);
  return end();
}
