// What connections cost: memory while they are idle, and CPU while they arrive.

import { type Figure, least, median, most } from '../figures.js';
import { Fleet } from '../fleet.js';
import { channelOf, type Kind, type Lab, pause, quiet, SECRET, startServer } from '../lab.js';
import { cpuSeconds, residentBytes } from '../process-figures.js';
import type { ServerProcess } from '../server-process.js';

const FEW = 2_000;
const MANY = 10_000;
const STORM = 4_000;
const AT_ONCE = 200;
const SETTLE_MS = 1_000;
const STEADY = 0.002;

/** The slope of resident memory between 2,000 and 10,000 idle subscribed WebSockets, in fresh servers. */
export async function idleMemory(lab: Lab): Promise<readonly Figure[]> {
  const what = 'server memory per idle, subscribed WebSocket';
  const repetitions = Math.min(3, lab.pairs);
  const figure = async (name: string, kind: Kind, spread: 'shared' | 'own', limit?: number): Promise<Figure> => {
    const values: number[] = [];
    for (let round = 0; round < repetitions; round += 1) values.push(await memorySlope(lab, kind, spread));
    lab.log(`  ${what}: ${name}: ${values.map((value) => value.toFixed(2)).join(', ')} KiB`);
    return { what: `${what}, ${name}`, values, unit: 'KiB', digits: 2, ...(limit ? { budget: most(limit) } : {}) };
  };
  return [
    await figure('bare', 'bare', 'shared'),
    await figure('uws, all on one channel', 'uws', 'shared', 3),
    await figure('uws, one channel each', 'uws', 'own'),
    await figure('ws, all on one channel', 'ws', 'shared'),
  ];
}

async function memorySlope(lab: Lab, kind: Kind, spread: 'shared' | 'own'): Promise<number> {
  const server = await startServer(lab, kind);
  const fleet = new Fleet(2); // a process may not open more than 20,000 files
  try {
    await connect(fleet, server, kind, channelOf(kind, spread), FEW);
    const few = await settledMemory(server.pid);
    await connect(fleet, server, kind, channelOf(kind, spread), MANY - FEW);
    const many = await settledMemory(server.pid);
    return (many - few) / (MANY - FEW) / 1024;
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
    pollEveryMs: 0,
  });
}

/** Resident memory once it has stopped moving. */
async function settledMemory(pid: number): Promise<number> {
  await quiet(pid);
  for (let before = residentBytes(pid), calm = 0; ; ) {
    await pause(SETTLE_MS);
    const now = residentBytes(pid);
    calm = Math.abs(now - before) < before * STEADY ? calm + 1 : 0;
    if (calm === 2) return now;
    before = now;
  }
}
