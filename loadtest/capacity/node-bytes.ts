// What processes take at rest, and what one more link of each transport takes.

import { residentBytes } from '../cpu-time.js';
import { Fleet } from '../fleet.js';
import { freePort } from '../free-port.js';
import { type Crowd, channelOf, type Host, type Lab, pause, quiet, startHost } from '../lab.js';
import { startRedisServer } from '../redis-server.js';
import { settledMemory } from '../scenarios/settled-memory.js';
import { LEAN, type ServerProcess, startFanfare, startRole } from '../server-process.js';

const HOST = '127.0.0.1';
/** Chosen: an idle process has then done what it does after its start. */
const SETTLE_MS = 3_000;
const FEW = 1_000;
const MANY = 6_000;
const ENGINES = ['uws', 'ws'] as const;

interface Idler {
  readonly what: string;
  readonly transport: Crowd['transport'];
  readonly spread: Crowd['spread'];
}

const IDLERS: readonly Idler[] = [
  { what: 'a WebSocket, all on one channel', transport: 'websocket', spread: 'shared' },
  { what: 'a WebSocket, each on a channel of its own', transport: 'websocket', spread: 'own' },
  { what: 'a stream of server-sent events, all on one channel', transport: 'sse', spread: 'shared' },
  { what: 'a waiting long poll, all on one channel', transport: 'long-poll', spread: 'shared' },
];

/** Resident, with nobody connected. */
export async function restingBytes({ secrets, instruments }: Lab): Promise<readonly (readonly string[])[]> {
  const redis = await startRedisServer();
  const shared = {
    FANFARE_HOST: HOST,
    FANFARE_REDIS_URL: redis.url,
    FANFARE_AUTH_SECRET: secrets.authSecret,
    FANFARE_CLUSTER_SECRET: secrets.clusterSecret,
    FANFARE_LOG_LEVEL: 'warn',
  };
  const role = async (name: 'node' | 'discovery', engine: string): Promise<ServerProcess> =>
    startRole(name, {
      ...shared,
      FANFARE_PORT: String(await freePort(HOST)),
      ...(name === 'node' && { FANFARE_ENGINE: engine }),
    });
  const rows: string[][] = [];
  const measure = async (what: string, engine: string, starting: Promise<ServerProcess>): Promise<void> => {
    const server = await starting;
    await pause(SETTLE_MS);
    await quiet(instruments.proc, server.pid);
    rows.push([what, engine, (residentBytes(instruments.proc, server.pid) / 1024 ** 2).toFixed(0)]);
    await server.close();
  };
  try {
    for (const engine of ENGINES) await measure('`fanfare node`', `\`${engine}\``, role('node', engine));
    await measure('`fanfare discovery`', '–', role('discovery', ''));
    for (const engine of ENGINES)
      await measure('`fanfare start`, in memory', `\`${engine}\``, startFanfare({ ...secrets, engine }));
    return rows;
  } finally {
    await redis.close();
  }
}

/** Each in servers of its own: the slope of resident memory between 1,000 and 6,000 idle links. */
export async function linkBytes(lab: Lab): Promise<readonly (readonly string[])[]> {
  const rows: string[][] = [];
  for (const idler of IDLERS) {
    const cells: string[] = [];
    for (const kind of ENGINES) cells.push((await slope(lab, kind, idler)).toFixed(1));
    lab.log(`  ${idler.what}: ${cells.join(', ')} KiB`);
    rows.push([idler.what, ...cells]);
  }
  return rows;
}

/** KiB. */
async function slope(lab: Lab, kind: 'uws' | 'ws', { transport, spread }: Idler): Promise<number> {
  const fleet = new Fleet(1, lab.instruments.driverFlags);
  const crowdOn = ({ address }: Host) =>
    ({
      ...{ transport, host: address.host, port: address.port, atOnce: 100, pollEveryMs: 0 },
      ...{ channel: channelOf(spread), secret: lab.secrets.authSecret },
    }) as const;
  // Tickets are made by another server: what is left of making them would hide what links take.
  const other = await startHost(lab, { kind });
  await fleet.prepare({ ...crowdOn(other), count: MANY }).finally(() => other.close());
  const host = await startHost(lab, { kind, nodeFlags: LEAN });
  try {
    const crowd = crowdOn(host);
    await fleet.open({ ...crowd, count: FEW });
    const before = await settledMemory(lab.instruments.proc, host.server.pid);
    await fleet.open({ ...crowd, count: MANY - FEW });
    return ((await settledMemory(lab.instruments.proc, host.server.pid)) - before) / (MANY - FEW) / 1024;
  } finally {
    await fleet.close();
    await host.close();
  }
}
