// What it takes when thousands of clients come back at once, each with several channels on which it missed something.

import { Redis } from 'ioredis';
import { cpuSecondsBetween, readCpuTime } from '../cpu-time.js';
import type { Figure } from '../figures.js';
import { median } from '../figures.js';
import { Fleet } from '../fleet.js';
import { type Host, type HostOptions, type Lab, pause, quiet, startHost } from '../lab.js';
import { Numbers } from '../numbers.js';
import { makePayload } from '../payload.js';
import { connectToRedis, encodeLogged } from '../publisher.js';
import { pace, type Stage } from '../traffic.js';

const RETURNING = 5_000;
const STAYING = 500;
/** Each has these, on which everybody missed the same, and one of its own. */
const SHARED = ['town:1', 'town:2', 'town:3', 'town:4'];
const OWN = 'user:%';
const MISSED = { shared: 20, own: 3 };
/** Fewer than a node has room for that have shown no ticket yet. */
const AT_ONCE = 1_000;
const RHYTHM = { perSecond: 20, latency: true, lingerMs: 300 };
const PAYLOAD_BYTES = 200;

export interface Came {
  readonly seconds: number;
  /**
   * Calls of functions beside publishes, nearly all of them reads of logs (which are told apart only at a price that the CPU of Redis shows:
   * see function-calls.ts), and commands of any kind, those that functions send too.
   */
  readonly calls: number;
  readonly commands: number;
  /** Until the last has its answers. */
  readonly serverSeconds: number;
  readonly redisSeconds: number;
  /** Of those who stayed. */
  readonly p99Ms: number;
}

/** 5,000 clients come back to a node that has just started, while 500 that stayed are served. */
export async function reconnectStorm(lab: Lab): Promise<readonly Figure[]> {
  const what = `${RETURNING.toLocaleString('en')} clients come back with 5 channels each`;
  const rounds: Came[] = [];
  for (let round = 0; round < Math.min(3, lab.pairs); round += 1) {
    const came = await oneStorm(lab, { kind: 'uws' });
    rounds.push(came);
    lab.log(`  ${what}: ${JSON.stringify(came)}`);
  }
  const figure = (name: string, unit: string, digits: number, of: (came: Came) => number): Figure => ({
    what: `${what}: ${name}`,
    values: rounds.map(of),
    unit,
    digits,
  });
  lab.log(`  ${what}: ${median(rounds.map(({ seconds }) => seconds)).toFixed(1)} s`);
  return [
    figure('until the last has its answers', 's', 2, ({ seconds }) => seconds),
    figure('calls of functions beside publishes', 'calls', 0, ({ calls }) => calls),
    figure('commands to Redis', 'commands', 0, ({ commands }) => commands),
    figure('server CPU', 's', 2, ({ serverSeconds }) => serverSeconds),
    figure('Redis CPU', 's', 2, ({ redisSeconds }) => redisSeconds),
    figure(`latency of ${STAYING} that stayed`, 'ms p99', 0, ({ p99Ms }) => p99Ms),
  ];
}

/** Of that server, and then it is over. */
export async function oneStorm(lab: Lab, options: HostOptions): Promise<Came> {
  const host = await startHost(lab, options);
  const stay = new Fleet(1, lab.instruments.driverFlags);
  const come = new Fleet(1, lab.instruments.driverFlags);
  const admin = new Redis(host.redis.url);
  const publisher = lab.instruments.publisher(await connectToRedis(host.redis));
  try {
    const common = { transport: 'websocket', ...host.address, secret: lab.secrets.authSecret, pollEveryMs: 0 } as const;
    await stay.open({ ...common, channel: 'news', count: STAYING, atOnce: 100 });
    const returning = { ...common, channel: OWN, positions: await missSomething(admin), count: RETURNING };
    await come.prepare(returning);
    await quiet(lab.instruments.proc, host.server.pid);
    const stage = stageOf(lab, host, stay, come, publisher);
    const before = await countCommands(admin);
    const served = pace(stage, { ...RHYTHM, seconds: 10 });
    await pause(500);
    const { proc } = lab.instruments;
    const used = readCpuTime(proc, host.server.pid);
    const seconds = (await come.open({ ...returning, atOnce: AT_ONCE })) / 1_000;
    const serverSeconds = cpuSecondsBetween(used, readCpuTime(proc, host.server.pid));
    const { report, watched } = await served;
    const after = await countCommands(admin);
    return {
      seconds,
      calls: after.functions - before.functions - RHYTHM.perSecond * 10,
      commands: after.all - before.all,
      serverSeconds,
      redisSeconds: watched.redis,
      p99Ms: (report.latency?.getValueAtPercentile(99) ?? Number.NaN) / 1_000,
    };
  } finally {
    admin.disconnect();
    publisher.close();
    await Promise.all([stay.close(), come.close()]);
    await host.close();
  }
}

/** Publishes what is missed; answers the positions that everybody has. */
async function missSomething(admin: Redis): Promise<Readonly<Record<string, string>>> {
  const publish = (channel: string, count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const payload = makePayload(PAYLOAD_BYTES, 0, at);
        return String(await admin.call('FCALL', 'fanfare_publish', 1, channel, payload));
      }),
    );
  const positions: Record<string, string> = { [OWN]: '-1' };
  for (const channel of SHARED) positions[channel] = (await publish(channel, 1 + MISSED.shared))[0] ?? '';
  for (let user = 0; user < RETURNING; user += 1) await publish(OWN.replace('%', String(user)), MISSED.own);
  return positions;
}

function stageOf(lab: Lab, host: Host, stay: Fleet, come: Fleet, publisher: Stage['publisher']): Stage {
  const drivers = [process.pid, ...stay.pids, ...come.pids];
  return {
    name: 'storm',
    proc: lab.instruments.proc,
    cast: { server: host.server.pid, drivers, redis: host.redis.pid },
    fleet: stay,
    publisher,
    encode: encodeLogged,
    channels: ['news'],
    numbers: new Numbers(1),
    deliveriesPerMessage: STAYING,
    payloadBytes: PAYLOAD_BYTES,
  };
}

/** What Redis has done since it started: calls of functions, and all commands. */
export async function countCommands(admin: Redis): Promise<{ functions: number; all: number }> {
  const [commands, stats] = await Promise.all([admin.info('commandstats'), admin.info('stats')]);
  return {
    functions: Number(/cmdstat_fcall:calls=(\d+)/.exec(commands)?.[1] ?? 0),
    all: Number(/total_commands_processed:(\d+)/.exec(stats)?.[1] ?? 0),
  };
}
