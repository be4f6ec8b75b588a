// What every scenario works with: servers with a Redis of their own, fleets on them, and the judge of each window.

import { cpuSecondsBetween, readCpuTime } from './cpu-time.js';
import { Fleet } from './fleet.js';
import type { Instruments } from './instruments.js';
import type { Judge } from './judge.js';
import { Numbers } from './numbers.js';
import type { Proc } from './proc.js';
import { type Address, connectToRedis, type Encode, encodeLive, encodeLogged } from './publisher.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import {
  type BareExtra,
  type Kind,
  type Secrets,
  type ServerProcess,
  startBare,
  startFanfare,
} from './server-process.js';
import type { Stage } from './traffic.js';

export type Log = (line: string) => void;

export interface Lab {
  readonly instruments: Instruments;
  readonly judge: Judge;
  readonly secrets: Secrets;
  /** Interleaved repetitions. */
  readonly pairs: number;
  readonly log: Log;
}

/** A scenario's crowd. */
export interface Crowd {
  readonly clients: number;
  /** One channel for everybody, or one each. */
  readonly spread: 'shared' | 'own';
  readonly transport: 'websocket' | 'sse' | 'long-poll';
  readonly payloadBytes: number;
  /** Its clients ask for the messages of one tick in one frame; the bare loop then joins them for everybody. */
  readonly joins?: boolean;
}

/** A server under test. */
export interface Host {
  readonly server: ServerProcess;
  readonly redis: RedisServer;
  /** Where clients reach it. */
  readonly address: Address;
  close(): Promise<void>;
}

/** A stage that can publish in both ways, and what has to be closed after it. */
export interface OpenStage {
  readonly live: Stage;
  readonly logged: Stage;
  close(): Promise<void>;
}

export interface HostOptions {
  readonly kind: Kind;
  readonly nodeFlags?: readonly string[];
  /** Further options of a Fanfare, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder whose build is run; absent: this one's. */
  readonly root?: URL;
  /** What the bare loop does besides, or instead: see bare/server.ts. */
  readonly bareDoes?: BareExtra;
}

/** Starts a server of that kind on a Redis of its own: two builds or two engines never share a registry or a function library. */
export async function startHost(lab: Lab, options: HostOptions): Promise<Host> {
  const { kind, root, bareDoes, env = {} } = options;
  const nodeFlags = [...lab.instruments.serverFlags(kind), ...(options.nodeFlags ?? [])];
  const redis = await startRedisServer();
  try {
    const fanfare = { ...lab.secrets, redisUrl: redis.url, env, ...(root === undefined ? {} : { root }) };
    // The bare loop forwards what the publish function sends, and it is a Fanfare that loads the function.
    if (kind === 'bare') await (await startFanfare({ ...fanfare, engine: 'uws' })).close();
    const server = await (kind === 'bare'
      ? startBare(redis.url, nodeFlags, bareDoes)
      : startFanfare({ ...fanfare, nodeFlags, engine: kind }));
    const close = async (): Promise<void> => {
      await server.close();
      await redis.close();
    };
    return { server, redis, address: await lab.instruments.route(server), close };
  } catch (error) {
    await redis.close();
    throw error;
  }
}

/** The channel template of a crowd. */
export function channelOf(spread: Crowd['spread']): string {
  return spread === 'shared' ? 'news' : 'news:%';
}

/** Starts a server and puts a crowd on it. */
export async function openStage(lab: Lab, options: HostOptions & { name?: string }, crowd: Crowd): Promise<OpenStage> {
  const { kind, name = kind } = options;
  const host = await startHost(lab, options);
  const fleet = new Fleet(1, lab.instruments.driverFlags);
  const publisher = lab.instruments.publisher(await connectToRedis(host.redis));
  const template = channelOf(crowd.spread);
  const close = async (): Promise<void> => {
    publisher.close();
    await fleet.close();
    await host.close();
  };
  try {
    await fleet.open({
      transport: crowd.transport,
      host: host.address.host,
      port: host.address.port,
      count: crowd.clients,
      atOnce: 100,
      // The bare loop's topics are Redis' own channels, so that it can carry what the publish function sends.
      channel: kind === 'bare' ? `fanfare:{${template}}` : template,
      ...(kind === 'bare' ? {} : { secret: lab.secrets.authSecret }),
      pollEveryMs: 0,
      joins: crowd.joins === true && kind !== 'bare',
    });
  } catch (error) {
    await close();
    throw error;
  }
  const own = crowd.spread === 'own';
  const channels = own
    ? Array.from({ length: crowd.clients }, (_, at) => template.replace('%', String(at)))
    : [template];
  const common = {
    proc: lab.instruments.proc,
    cast: { server: host.server.pid, drivers: [process.pid, ...fleet.pids], redis: host.redis.pid },
    fleet,
    publisher,
    channels,
    numbers: new Numbers(channels.length),
    deliveriesPerMessage: own ? 1 : crowd.clients,
    payloadBytes: crowd.payloadBytes,
  };
  const stage = (how: string, encode: Encode): Stage => ({ ...common, name: `${name} ${how}`, encode });
  return { live: stage('live', encodeLive), logged: stage('logged', encodeLogged), close };
}

/** Chosen: what a server with nobody's work uses on its own in a tenth of a second, generously. */
const QUIET_SECONDS = 0.015;
const QUIET_LOOKS = 3;
/** Chosen: a server that is never quiet is measured as it is. */
const MOST_LOOKS = 100;

/** Resolves when a process has used next to no CPU for a while. */
export async function quiet(proc: Proc, pid: number): Promise<void> {
  let before = readCpuTime(proc, pid);
  for (let calm = 0, looks = 0; calm < QUIET_LOOKS && looks < MOST_LOOKS; looks += 1) {
    await pause(100);
    const now = readCpuTime(proc, pid);
    calm = cpuSecondsBetween(before, now) > QUIET_SECONDS ? 0 : calm + 1;
    before = now;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
