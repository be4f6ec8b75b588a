// Runs the same traffic over each transport against one node, one transport after the other.

import type { Transport } from '../src/protocol/index.js';
import { Fleet } from './fleet.js';
import type { Instruments } from './instruments.js';
import { quiet } from './lab.js';
import { Numbers } from './numbers.js';
import {
  type Address,
  connectToRedis,
  connectToServer,
  type Encode,
  encodeLogged,
  httpEncoder,
  type Publisher,
} from './publisher.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { makeSecrets, type Secrets, type ServerProcess, startFanfare } from './server-process.js';
import type { Figures, Row } from './table.js';
import { type Measured, pace, type Stage } from './traffic.js';
import { doubtsOf, faultsOf } from './validity.js';

export interface ComparisonOptions {
  readonly transports: readonly Transport[];
  readonly clients: number;
  /** Messages per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly payloadBytes: number;
  readonly pollEveryMs: number;
  readonly engine: 'auto' | 'uws' | 'ws';
  readonly broker: 'redis' | 'memory';
  /** Lets figures of a busy machine or driver pass, marked. */
  readonly allowBusy: boolean;
}

/** What all transports are measured on. */
interface Ground {
  readonly options: ComparisonOptions;
  readonly instruments: Instruments;
  readonly secrets: Secrets;
  readonly redis: RedisServer | undefined;
  readonly server: ServerProcess;
  readonly address: Address;
  readonly publisher: Publisher;
  readonly encode: Encode;
  readonly numbers: Numbers;
}

const CHANNEL = 'news';
const WARM_UP_SECONDS = 1;
const LINGER_MS = 500;

export async function compareTransports(options: ComparisonOptions, instruments: Instruments): Promise<readonly Row[]> {
  const secrets = makeSecrets();
  const redis = options.broker === 'redis' ? await startRedisServer() : undefined;
  try {
    const { engine } = options;
    const server = await startFanfare({ engine, ...secrets, ...(redis ? { redisUrl: redis.url } : {}) });
    try {
      const publisher = instruments.publisher(await (redis ? connectToRedis(redis) : connectToServer(server)));
      const ground: Ground = {
        options,
        instruments,
        secrets,
        redis,
        server,
        address: await instruments.route(server),
        publisher,
        encode: redis ? encodeLogged : httpEncoder(server, secrets.publishKey),
        numbers: new Numbers(1),
      };
      const rows: Row[] = [];
      for (const transport of options.transports) rows.push(await measure(ground, transport));
      publisher.close();
      return rows;
    } finally {
      await server.close();
    }
  } finally {
    await redis?.close();
  }
}

async function measure(ground: Ground, transport: Transport): Promise<Row> {
  const { options, instruments, server, redis } = ground;
  const fleet = new Fleet(1, instruments.driverFlags);
  try {
    await fleet.open({
      transport,
      host: ground.address.host,
      port: ground.address.port,
      count: options.clients,
      atOnce: 50,
      channel: CHANNEL,
      secret: ground.secrets.authSecret,
      pollEveryMs: options.pollEveryMs,
    });
    const drivers = [process.pid, ...fleet.pids];
    const stage: Stage = {
      name: transport,
      proc: instruments.proc,
      cast: { server: server.pid, drivers, ...(redis === undefined ? {} : { redis: redis.pid }) },
      fleet,
      publisher: ground.publisher,
      encode: ground.encode,
      channels: [CHANNEL],
      numbers: ground.numbers,
      deliveriesPerMessage: options.clients,
      payloadBytes: options.payloadBytes,
    };
    const leadMs = transport === 'short-poll' ? options.pollEveryMs : 0;
    const rhythm = { perSecond: options.rate, latency: true, lingerMs: LINGER_MS + leadMs };
    await pace(stage, { ...rhythm, seconds: Math.min(WARM_UP_SECONDS, options.seconds) });
    return toRow(options, transport, await pace(stage, { ...rhythm, leadMs, seconds: options.seconds }));
  } finally {
    await fleet.close();
    await quiet(instruments.proc, server.pid); // so that the next transport does not pay for the goodbyes of this one
  }
}

function toRow(options: ComparisonOptions, transport: Transport, measured: Measured): Row {
  const { report, expected, achieved } = measured;
  const faults = faultsOf(measured);
  const doubts = doubtsOf(measured);
  const counts = faults.length === 0 && (doubts.length === 0 || options.allowBusy);
  return {
    transport,
    clients: report.clients,
    asked: options.rate,
    achieved,
    expected,
    deliveries: report.deliveries,
    lost: report.lost,
    repeated: report.repeated,
    faults,
    doubts,
    figures: counts ? toFigures(measured) : undefined,
  };
}

function toFigures({ report, served, watched, lag }: Measured): Figures {
  const deliveries = Math.max(1, served);
  const each = (seconds: number): number => (seconds / deliveries) * 1e6;
  return {
    p50Ms: (report.latency?.getValueAtPercentile(50) ?? 0) / 1000,
    p99Ms: (report.latency?.getValueAtPercentile(99) ?? 0) / 1000,
    serverUs: each(watched.server),
    driversUs: each(watched.drivers.reduce((sum, seconds) => sum + seconds, 0)),
    redisUs: each(watched.redis),
    lagP99Ms: lag?.lagP99Ms ?? 0,
    bytesDown: report.bytesIn / deliveries,
    bytesUp: report.bytesOut / deliveries,
    polls: report.polls,
  };
}
