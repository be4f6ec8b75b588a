// What connections cost: memory while they are idle, and CPU while they arrive.

import { type Figure, least, median, most } from '../figures.js';
import { Fleet } from '../fleet.js';
import { channelOf, type Kind, type Lab, pause, quiet, SECRET, startServer } from '../lab.js';
import { cpuSeconds, residentBytes } from '../process-figures.js';
import { COLLECTING, type ServerProcess } from '../server-process.js';

const FEW = 2_000;
const MANY = 10_000;
const STORM = 4_000;
const AT_ONCE = 200;
const SETTLE_MS = 2_000;

interface Idler {
  readonly name: string;
  readonly kind: Kind;
  readonly spread: 'shared' | 'own';
  /** KiB. */
  readonly limit?: number;
}

const IDLERS: readonly Idler[] = [
  { name: 'bare', kind: 'bare', spread: 'shared' },
  { name: 'uws, all on one channel', kind: 'uws', spread: 'shared', limit: 3 },
  { name: 'uws, one channel each', kind: 'uws', spread: 'own' },
  { name: 'ws, all on one channel', kind: 'ws', spread: 'shared' },
];

/** The slope of resident memory between 2,000 and 10,000 idle subscribed WebSockets, in fresh servers that idle side by side. */
export async function idleMemory(lab: Lab): Promise<readonly Figure[]> {
  const what = 'server memory per idle, subscribed WebSocket';
  const slopes = IDLERS.map((): number[] => []);
  for (let round = 0; round < Math.min(3, lab.pairs); round += 1) {
    const measured = await Promise.all(IDLERS.map((idler) => memorySlope(lab, idler)));
    for (const [at, slope] of measured.entries()) slopes[at]?.push(slope);
    lab.log(`  ${what}: ${measured.map((slope, at) => `${IDLERS[at]?.name} ${slope.toFixed(2)}`).join(', ')} KiB`);
  }
  return IDLERS.map(({ name, limit }, at) => ({
    what: `${what}, ${name}`,
    values: slopes[at] ?? [],
    unit: 'KiB',
    digits: 2,
    ...(limit === undefined ? {} : { budget: most(limit) }),
  }));
}

async function memorySlope(lab: Lab, { kind, spread }: Idler): Promise<number> {
  const server = await startServer(lab, kind, COLLECTING);
  const fleet = new Fleet(2); // a process may not open more than 20,000 files
  try {
    await connect(fleet, server, kind, channelOf(kind, spread), FEW);
    const few = await settledMemory(server.pid);
    await connect(fleet, server, kind, channelOf(kind, spread), MANY - FEW);
    return ((await settledMemory(server.pid)) - few) / (MANY - FEW) / 1024;
  } finally {
    await fleet.close();
    await server.close();
  }
}

/** Connect, authenticate and subscribe in a storm: per second of the server's CPU, which is what one node on one core can take. */
export async function connectStorm(lab: Lab): Promise<readonly Figure[]> {
  const what = 'connect + authenticate + subscribe';
  const server = await startServer(lab, 'uws');
  const perCpu: number[] = [];
  const perWall: number[] = [];
  try {
    for (let round = -1; round < lab.pairs; round += 1) {
      const fleet = new Fleet(1);
      await quiet(server.pid);
      const before = cpuSeconds(server.pid);
      const tookMs = await connect(fleet, server, 'uws', channelOf('uws', 'shared'), STORM);
      const cpu = cpuSeconds(server.pid) - before;
      await fleet.close();
      if (round < 0) continue; // a warm-up
      perCpu.push(STORM / cpu);
      perWall.push((STORM / tookMs) * 1000);
    }
  } finally {
    await server.close();
  }
  lab.log(
    `  ${what}: ${median(perCpu).toFixed(0)} per CPU-second, ${median(perWall).toFixed(0)} per second of a storm`,
  );
  return [
    { what, values: perCpu, unit: 'per CPU-second', digits: 0, budget: least(3_000) },
    { what: `${what}, clients on the same machine`, values: perWall, unit: 'per second', digits: 0 },
  ];
}

function connect(fleet: Fleet, server: ServerProcess, kind: Kind, channel: string, count: number): Promise<number> {
  return fleet.open({
    transport: 'websocket',
    host: server.host,
    port: server.port,
    count,
    atOnce: AT_ONCE,
    channel,
    ...(kind === 'bare' ? {} : { secret: SECRET }),
    tickets: false,
    pollEveryMs: 0,
  });
}

/** Resident memory without garbage: an idle server collects it too (measured: after some 25 s), but not at a known moment. */
async function settledMemory(pid: number): Promise<number> {
  for (let time = 0; time < 2; time += 1) {
    await quiet(pid);
    process.kill(pid, 'SIGUSR2');
    await pause(SETTLE_MS);
  }
  return residentBytes(pid);
}
