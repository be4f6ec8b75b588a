// What connections cost: memory while they are idle, and CPU while they arrive.

import { type Budget, differences, type Figure, median, ratios } from '../figures.js';
import { Fleet } from '../fleet.js';
import { type Crowd, channelOf, type Host, type HostOptions, type Lab, pause, quiet, startHost } from '../lab.js';
import { LEAN } from '../server-process.js';
import { doubtsOf } from '../validity.js';
import { type Watched, watch } from '../watch.js';
import type { OpenCommand } from '../worker-messages.js';
import { BUDGETS } from './budgets.js';
import { settledMemory } from './settled-memory.js';

const FEW = 2_000;
const MANY = 16_000;
/** A storm comes in waves of as many as may be on their way at a time, the next when the last has been served. */
const STORM = { waves: 20, size: 200 };
const AT_ONCE = 200;
/** Chosen: for each second of a wave the drivers rest so long, so that clients never wait for their own process. */
const REST = 0.3;

interface Idler {
  readonly name: string;
  readonly kind: HostOptions['kind'];
  readonly spread: Crowd['spread'];
  /** For what is more than the bare one takes. */
  readonly budget?: Budget;
}

const IDLERS: readonly Idler[] = [
  { name: 'bare', kind: 'bare', spread: 'shared' },
  { name: 'uws, all on one channel', kind: 'uws', spread: 'shared', budget: BUDGETS.memory.shared },
  { name: 'uws, one channel each', kind: 'uws', spread: 'own', budget: BUDGETS.memory.own },
  { name: 'ws, all on one channel', kind: 'ws', spread: 'shared' },
];

/** The slope of resident memory between 2,000 and 16,000 idle subscribed WebSockets, in fresh servers that idle side by side. */
export async function idleMemory(lab: Lab): Promise<readonly Figure[]> {
  const what = 'server memory per idle, subscribed WebSocket';
  const slopes = IDLERS.map((): number[] => []);
  for (let round = 0; round < Math.min(3, lab.pairs); round += 1) {
    const measured = await Promise.all(
      IDLERS.map(({ kind, spread }) => memorySlope(lab, { kind }, spread, { few: FEW, many: MANY })),
    );
    for (const [at, slope] of measured.entries()) slopes[at]?.push(slope);
    lab.log(`  ${what}: ${measured.map((slope, at) => `${IDLERS[at]?.name} ${slope.toFixed(2)}`).join(', ')} KiB`);
  }
  return memoryFigures(what, slopes);
}

/** Of each of {@link IDLERS}, the first of which is the bare one, and of how much more the others take in the same round. */
export function memoryFigures(what: string, slopes: readonly (readonly number[])[]): readonly Figure[] {
  const [bare = []] = slopes;
  return IDLERS.flatMap(({ name, kind, budget }, at): readonly Figure[] => {
    const figure = { what: `${what}, ${name}`, values: slopes[at] ?? [], unit: 'KiB', digits: 2 };
    if (kind === 'bare') return [figure];
    const values = differences(figure.values, bare);
    return [{ ...figure, values, unit: 'KiB more than bare', ...(budget === undefined ? {} : { budget }) }, figure];
  });
}

/** KiB that one more idle connection takes in a fresh server. */
export async function memorySlope(
  lab: Lab,
  options: HostOptions,
  spread: Crowd['spread'],
  { few, many }: { readonly few: number; readonly many: number },
): Promise<number> {
  const [before = Number.NaN, after = Number.NaN] = await memoryAt(lab, options, { spread }, [few, many]);
  return (after - before) / (many - few) / 1024;
}

/** Who idles on a server whose memory is looked at. */
export type Idlers = Pick<Crowd, 'spread'> & Partial<Pick<OpenCommand, 'transport' | 'channelsEach'>>;

/** Resident bytes of a fresh server with so many clients, and then so many, and so on. */
export async function memoryAt(
  lab: Lab,
  options: HostOptions,
  { spread, ...like }: Idlers,
  counts: readonly number[],
): Promise<readonly number[]> {
  const fleet = new Fleet(2, lab.instruments.driverFlags); // a process may not open more than 20,000 files
  await takeTickets(lab, options, spread, fleet, counts);
  const host = await startHost(lab, { ...options, nodeFlags: LEAN });
  try {
    const crowd = { ...crowdOn(lab, host, options, spread), ...like };
    const bytes: number[] = [];
    let opened = 0;
    for (const count of counts) {
      await fleet.open({ ...crowd, count: count - opened });
      opened = count;
      bytes.push(await settledMemory(lab.instruments.proc, host.server.pid));
    }
    return bytes;
  } finally {
    await fleet.close();
    await host.close();
  }
}

/** From another server of the cluster: what the measured one had left of making them would hide what connections take (measured). */
async function takeTickets(
  lab: Lab,
  options: HostOptions,
  spread: Crowd['spread'],
  fleet: Fleet,
  counts: readonly number[],
): Promise<void> {
  // Nobody looks on: it is not what is measured.
  const instruments = { ...lab.instruments, serverFlags: () => [] };
  const host = await startHost({ ...lab, instruments }, options);
  try {
    let opened = 0;
    for (const count of counts) {
      await fleet.prepare({ ...crowdOn(lab, host, options, spread), count: count - opened }, opened);
      opened = count;
    }
  } finally {
    await host.close();
  }
}

/** Connect, authenticate and subscribe in a storm: per second of the server's CPU, which is what one node on one core can take. */
export async function connectStorm(lab: Lab): Promise<readonly Figure[]> {
  const what = 'connect + authenticate + subscribe';
  const bareWhat = 'bare upgrade + one exchange of JSON';
  const [bare, perCpu, perWall]: [number[], number[], number[]] = [[], [], []];
  const storms: Storm[] = [];
  try {
    const bareStorm = await openStorm(lab, { kind: 'bare', bareDoes: 'exchanges' });
    storms.push(bareStorm);
    const storm = await openStorm(lab, { kind: 'uws' });
    storms.push(storm);
    for (const one of storms) await one.run();
    for (let round = 0; round < lab.pairs; round += 1) {
      bare.push((await bareStorm.sound(bareWhat))?.perCpuSecond ?? Number.NaN);
      const came = await storm.sound(what);
      perCpu.push(came?.perCpuSecond ?? Number.NaN);
      perWall.push(came?.perSecond ?? Number.NaN);
    }
  } finally {
    for (const one of storms) await one.close();
  }
  const shown = [perCpu, bare, perWall].map((values) => median(values).toFixed(0));
  lab.log(`  ${what}: ${shown[0]} per CPU-second, ${bareWhat}: ${shown[1]}; ${shown[2]} per second of a storm`);
  const besideBare = { what, values: ratios(perCpu, bare), unit: `× a ${bareWhat}`, digits: 2 };
  return [
    { ...besideBare, budget: BUDGETS.connects.besideBare },
    { what, values: perCpu, unit: 'per CPU-second', digits: 0, budget: BUDGETS.connects.perCpuSecond },
    { what: bareWhat, values: bare, unit: 'per CPU-second', digits: 0 },
    { what: `${what}, clients on the same machine`, values: perWall, unit: 'per second', digits: 0 },
  ];
}

/** What a storm came to. */
interface Came {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly watched: Watched;
}

export interface Storm {
  /** 4,000 clients come in waves, and go again. */
  run(): Promise<Came>;
  /** The same under the judge's eyes. */
  sound(name: string): Promise<Came | undefined>;
  close(): Promise<void>;
}

/** A server and clients that have their tickets, over and over. */
export async function openStorm(lab: Lab, options: HostOptions): Promise<Storm> {
  const { proc, driverFlags } = lab.instruments;
  const host = await startHost(lab, options);
  const fleet = new Fleet(1, driverFlags);
  const crowd = crowdOn(lab, host, options, 'shared');
  const clients = STORM.waves * STORM.size;
  await fleet.prepare({ ...crowd, count: clients });
  const run = async (): Promise<Came> => {
    await quiet(proc, host.server.pid);
    const cast = { server: host.server.pid, drivers: [process.pid, ...fleet.pids], redis: host.redis.pid };
    const end = watch(proc, cast);
    let tookMs = 0;
    for (let wave = 0; wave < STORM.waves; wave += 1) {
      const waveMs = await fleet.open({ ...crowd, count: STORM.size });
      tookMs += waveMs;
      await pause(waveMs * REST);
    }
    const watched = end();
    await fleet.release();
    return { perCpuSecond: clients / watched.server, perSecond: (clients / tookMs) * 1000, watched };
  };
  return {
    run,
    sound: (name) => lab.judge.quietly(name, run, ({ watched }) => doubtsOf({ watched })),
    close: async () => {
      await fleet.close();
      await host.close();
    },
  };
}

/** Everybody's subscription, without a count. */
export function crowdOn(lab: Lab, host: Host, { kind, bareDoes }: HostOptions, spread: Crowd['spread']) {
  return {
    transport: 'websocket',
    host: host.address.host,
    port: host.address.port,
    atOnce: AT_ONCE,
    // The bare thing's clients send nothing but this.
    channel: bareDoes === 'exchanges' ? JSON.stringify({ channel: channelOf(spread) }) : channelOf(spread),
    ...(kind === 'bare' ? {} : { secret: lab.secrets.authSecret }),
    pollEveryMs: 0,
  } as const;
}
