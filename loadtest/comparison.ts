// Runs the same traffic over each transport against one node, one transport after the other.

import type { Transport } from '../src/protocol/index.js';
import { Fleet } from './fleet.js';
import { quiet, SECRET } from './lab.js';
import {
  connectToRedis,
  connectToServer,
  type Encode,
  encodeLogged,
  httpEncoder,
  type Publisher,
} from './publisher.js';
import { startRedisServer } from './redis-server.js';
import { type ServerProcess, startFanfare } from './server-process.js';
import type { Row } from './table.js';
import { type Measured, pace } from './traffic.js';

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
}

const CHANNEL = 'news';
const PUBLISH_KEY = 'load-test-publish-key-0123456789';
const WARM_UP_SECONDS = 1;
const LINGER_MS = 500;

export async function compareTransports(options: ComparisonOptions): Promise<readonly Row[]> {
  const redis = options.broker === 'redis' ? await startRedisServer() : undefined;
  try {
    const server = await startFanfare({
      engine: options.engine,
      authSecret: SECRET,
      publishKey: PUBLISH_KEY,
      ...(redis ? { redisUrl: redis.url } : {}),
    });
    try {
      const publisher = await (redis ? connectToRedis(redis) : connectToServer(server));
      const encode = redis ? encodeLogged : httpEncoder(server, PUBLISH_KEY);
      const rows: Row[] = [];
      for (const transport of options.transports)
        rows.push(await measure(options, transport, server, publisher, encode));
      publisher.close();
      return rows;
    } finally {
      await server.close();
    }
  } finally {
    await redis?.close();
  }
}

async function measure(
  options: ComparisonOptions,
  transport: Transport,
  server: ServerProcess,
  publisher: Publisher,
  encode: Encode,
): Promise<Row> {
  const fleet = new Fleet(1);
  try {
    await fleet.open({
      transport,
      host: server.host,
      port: server.port,
      count: options.clients,
      atOnce: 50,
      channel: CHANNEL,
      secret: SECRET,
      tickets: true,
      pollEveryMs: options.pollEveryMs,
    });
    const stage = {
      name: transport,
      pid: server.pid,
      fleet,
      publisher,
      encode,
      channels: [CHANNEL],
      deliveriesPerMessage: options.clients,
      payloadBytes: options.payloadBytes,
    };
    const lingerMs = LINGER_MS + (transport === 'short-poll' ? options.pollEveryMs : 0);
    const rhythm = { perSecond: options.rate, latency: true, lingerMs };
    await pace(stage, { ...rhythm, seconds: Math.min(WARM_UP_SECONDS, options.seconds) });
    return toRow(transport, await pace(stage, { ...rhythm, seconds: options.seconds }));
  } finally {
    await fleet.close();
    await quiet(server.pid); // so that the next transport does not pay for the goodbyes of this one
  }
}

function toRow(transport: Transport, { report, expected, cpuSeconds }: Measured): Row {
  const deliveries = Math.max(1, report.deliveries);
  return {
    transport,
    clients: report.clients,
    expected,
    deliveries: report.deliveries,
    surprises: report.surprises,
    surprise: report.surprise,
    p50Ms: (report.latency?.getValueAtPercentile(50) ?? 0) / 1000,
    p99Ms: (report.latency?.getValueAtPercentile(99) ?? 0) / 1000,
    cpuUsPerDelivery: (cpuSeconds / deliveries) * 1e6,
    bytesDownPerDelivery: report.bytesIn / deliveries,
    bytesUpPerDelivery: report.bytesOut / deliveries,
    polls: report.polls,
  };
}
