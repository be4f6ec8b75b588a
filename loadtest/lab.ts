// What every scenario of the bench works with: one Redis, servers, fleets on them, and the rule that a bad window spoils the run.

import { Fleet } from './fleet.js';
import { cpuSeconds } from './process-figures.js';
import { connectToRedis, type Encode, encodeBare, encodeLive, encodeLogged } from './publisher.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { type ServerProcess, startBare, startFanfare } from './server-process.js';
import type { Measured, Stage } from './traffic.js';

export const SECRET = 'a-secret-of-the-bench-that-is-long-enough';

export type Kind = 'bare' | 'uws' | 'ws';
export type Log = (line: string) => void;

export interface Lab {
  readonly redis: RedisServer;
  /** Interleaved repetitions. */
  readonly pairs: number;
  readonly log: Log;
  /** Reasons for which the run is worth nothing. */
  readonly faults: string[];
}

/** A scenario's crowd. */
export interface Crowd {
  readonly clients: number;
  /** One channel for everybody, or one each. */
  readonly spread: 'shared' | 'own';
  readonly transport: 'websocket' | 'long-poll';
  readonly payloadBytes: number;
}

/** A stage that can publish in both ways, and what has to be closed after it. */
export interface OpenStage {
  readonly live: Stage;
  readonly logged: Stage;
  close(): Promise<void>;
}

export async function openLab(pairs: number, log: Log): Promise<Lab> {
  return { redis: await startRedisServer(), pairs, log, faults: [] };
}

/** Starts a server of that kind on the lab's Redis. */
export function startServer(lab: Lab, kind: Kind, nodeFlags: readonly string[] = []): Promise<ServerProcess> {
  if (kind === 'bare') return startBare(lab.redis.url, nodeFlags);
  return startFanfare({ engine: kind, redisUrl: lab.redis.url, authSecret: SECRET, publishKey: '', nodeFlags });
}

/** The channel template of a crowd; servers share one Redis, so each kind has names of its own, of one length. */
export function channelOf(kind: Kind, spread: Crowd['spread']): string {
  const shared = { bare: 'news.raw', uws: 'news.uws', ws: 'news.wss' }[kind];
  return spread === 'shared' ? shared : `${shared}:%`;
}

/** Starts a server and puts a crowd on it. */
export async function openStage(lab: Lab, kind: Kind, crowd: Crowd): Promise<OpenStage> {
  const server = await startServer(lab, kind);
  const fleet = new Fleet(1);
  const publisher = await connectToRedis(lab.redis);
  const isBarePoll = kind === 'bare' && crowd.transport === 'long-poll';
  const template = isBarePoll ? 'poll' : channelOf(kind, crowd.spread);
  await fleet.open({
    transport: crowd.transport,
    host: server.host,
    port: server.port,
    count: crowd.clients,
    atOnce: 100,
    // The bare loop's topics are Redis' own channels, so that it can carry what the publish function sends.
    channel: kind === 'bare' && !isBarePoll ? `fanfare:{${template}}` : template,
    ...(kind === 'bare' ? {} : { secret: SECRET }),
    tickets: kind !== 'bare',
    pollEveryMs: 0,
  });
  const own = crowd.spread === 'own';
  const stage = (name: string, encode: Encode): Stage => ({
    name,
    pid: server.pid,
    fleet,
    publisher,
    encode,
    channels: own ? Array.from({ length: crowd.clients }, (_, at) => template.replace('%', String(at))) : [template],
    deliveriesPerMessage: own ? 1 : crowd.clients,
    payloadBytes: crowd.payloadBytes,
  });
  return {
    live: stage(`${kind} live`, isBarePoll ? encodeBare : encodeLive),
    logged: stage(`${kind} logged`, isBarePoll ? encodeBare : encodeLogged),
    close: async () => {
      publisher.close();
      await fleet.close();
      await server.close();
    },
  };
}

/** Notes what makes a window worthless: a lost or repeated delivery, an ended link, a surprise, a server that had nothing to do. */
export function check(lab: Lab, stage: Stage, measured: Measured, leastUtilisation: number): void {
  const { report, expected } = measured;
  const each = expected / report.clients;
  const fault = (what: string): void => {
    lab.faults.push(`${stage.name}: ${what}`);
    lab.log(`INVALID: ${stage.name}: ${what}`);
  };
  if (report.deliveries !== expected) fault(`${report.deliveries} deliveries instead of ${expected}`);
  else if (report.fewest !== each || report.most !== each)
    fault(`${report.fewest} to ${report.most} per client instead of ${each}`);
  if (report.ended > 0) fault(`${report.ended} links ended`);
  if (report.surprises > 0) fault(`${report.surprises} surprises, the first: ${report.surprise}`);
  const utilisation = measured.cpuSeconds / measured.wallSeconds;
  if (utilisation < leastUtilisation)
    fault(`the server was idle: it used ${(utilisation * 100).toFixed(0)} % of a core`);
}

/** Resolves when a process has used next to no CPU for a while. */
export async function quiet(pid: number): Promise<void> {
  for (let calm = 0, before = cpuSeconds(pid); calm < 3; ) {
    await pause(100);
    const now = cpuSeconds(pid);
    calm = now - before > 0.015 ? 0 : calm + 1;
    before = now;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
