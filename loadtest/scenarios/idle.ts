// What links cost that nothing is sent on but heartbeats, beside a bare loop that sends the same.

import { LIMITS } from '../../src/protocol/index.js';
import { type Figure, most, ratios } from '../figures.js';
import { Fleet } from '../fleet.js';
import { type Host, type Kind, type Lab, pause, startHost } from '../lab.js';
import { doubtsOf } from '../validity.js';
import { type Watched, watch } from '../watch.js';
import { crowdOn } from './connections.js';

const LINKS = 10_000;
const AT_ONCE = 200;
/** So that every link has as many heartbeats in a window, whatever its rhythm. */
const HEARTBEATS = 3;
const KINDS = ['bare', 'uws', 'ws'] as const satisfies readonly Kind[];

interface Idler {
  readonly kind: Kind;
  readonly host: Host;
  readonly fleet: Fleet;
}

/** All servers idle side by side, so that each pair has the same machine. */
export async function idleLinks(lab: Lab): Promise<readonly Figure[]> {
  const idlers: Idler[] = [];
  try {
    for (const kind of KINDS) idlers.push(await openIdler(lab, kind));
    const perHeartbeat = KINDS.map((): number[] => []);
    for (let round = 0; round < lab.pairs; round += 1) {
      const watched = await lab.judge.quietly(
        WHAT,
        () => idle(lab, idlers),
        (window) => doubtsOf({ watched: window }),
      );
      const used = watched === undefined ? [] : [watched.server, ...watched.drivers];
      for (const [at, values] of perHeartbeat.entries()) {
        values.push(((used[at] ?? Number.NaN) / (LINKS * HEARTBEATS)) * 1e6);
      }
      lab.log(`  ${WHAT}: ${KINDS.map((kind, at) => `${kind} ${perHeartbeat[at]?.at(-1)?.toFixed(1)} µs`).join(', ')}`);
    }
    return figuresOf(perHeartbeat);
  } finally {
    for (const { fleet, host } of idlers) {
      await fleet.close();
      await host.close();
    }
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
    const ratio = { what, values: ratios(values, bare), unit: '× bare', digits: 2 };
    return [kind === 'uws' ? { ...ratio, budget: most(1.3) } : ratio, absolute];
  });
}

async function openIdler(lab: Lab, kind: Kind): Promise<Idler> {
  const host = await startHost(lab, { kind, hasHeartbeats: true });
  const fleet = new Fleet(1, lab.instruments.driverFlags);
  await fleet.open({ ...crowdOn(lab, host, { kind }, 'shared'), count: LINKS, atOnce: AT_ONCE });
  return { kind, host, fleet };
}

/** One window; the bare loop is its server, the others stand before the clients among its drivers. */
async function idle({ instruments: { proc } }: Lab, idlers: readonly Idler[]): Promise<Watched> {
  const [bare, ...others] = idlers.map(({ host }) => host.server.pid);
  const clients = idlers.flatMap(({ fleet }) => fleet.pids);
  const end = watch(proc, { server: bare ?? 0, drivers: [...others, ...clients, process.pid] });
  await pause(HEARTBEATS * LIMITS.heartbeatMs);
  return end();
}
