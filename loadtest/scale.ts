// `npm run loadtest -- --scale`: idle, subscribed WebSockets over several nodes, assigned by discovery, and broadcasts to all of them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { residentBytes } from './cpu-time.js';
import { Fleet, type FleetReport } from './fleet.js';
import { freePort } from './free-port.js';
import { pause } from './lab.js';
import { describeMachine, type Machine } from './machine.js';
import { Numbers } from './numbers.js';
import { makePayload, nowUs } from './payload.js';
import { PROC } from './proc.js';
import { connectToRedis, encodeLogged, type Publisher } from './publisher.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { ROOT } from './root.js';
import { opening } from './run/contender.js';
import { encodeHistogram, mergeHistograms } from './run/histograms.js';
import { makeSecrets, type Secrets, type ServerProcess, startRole } from './server-process.js';

export interface ScaleOptions {
  readonly links: number;
  readonly nodes: number;
  readonly log: (line: string) => void;
}

export interface NodeShare {
  readonly links: number;
  readonly residentMiB: number;
  /** Of its resident memory, what came with the links. */
  readonly kibPerLink: number;
}

export interface ScaleResult {
  readonly format: 'fanfare-scale-1';
  readonly date: string;
  readonly machine: Machine;
  readonly links: number;
  readonly heartbeatSeconds: number;
  readonly openSeconds: number;
  readonly nodes: readonly NodeShare[];
  /** How far the node that is farthest from the mean is from it, as a share of the mean. */
  readonly unevenness: number;
  readonly broadcasts: readonly { readonly reached: number; readonly seconds: number }[];
  /** From due to delivered, of all broadcasts. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly faults: readonly string[];
}

const HOST = '127.0.0.1';
const CHANNEL = 'news';
/** The longest: as many idle links send as many heartbeats, and the clients share the machine. */
const HEARTBEAT_SECONDS = 60;
/** A process may have 20,000 files open in many places. */
const LINKS_PER_WORKER = 12_500;
/** A place that discovery reserved lapses after a few seconds: no more tickets are taken than are used at once. */
const AT_A_TIME = 500;
const AT_ONCE = 200;
const TOLD_EACH = 5_000;
const BROADCASTS = 5;
const PAYLOAD_BYTES = 128;
/** Chosen: a broadcast that takes longer than this has lost somebody. */
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 200;
const METRICS_TIMEOUT_MS = 10_000;
/** Spread within this share of the mean. */
export const MOST_UNEVEN = 0.01;

interface Ground {
  readonly nodes: readonly ServerProcess[];
  readonly discovery: ServerProcess;
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly secrets: Secrets;
}

export async function measureScale({ links, nodes, log }: ScaleOptions): Promise<ScaleResult> {
  const ground = await opening(async (later) => {
    const secrets = makeSecrets();
    const redis = await startRedisServer();
    later(() => redis.close());
    const servers: ServerProcess[] = [];
    later(async () => void (await Promise.all(servers.map((server) => server.close()))));
    for (let at = 0; at < nodes; at += 1) servers.push(await startNode(redis, secrets, at));
    const discovery = await startRole('discovery', environment(redis, secrets, 0));
    later(() => discovery.close());
    const fleet = new Fleet(Math.ceil(links / LINKS_PER_WORKER));
    later(() => fleet.close());
    const publisher = await connectToRedis(redis);
    later(() => publisher.close());
    return { nodes: servers, discovery, fleet, publisher, secrets };
  });
  try {
    return await measure(ground, links, log);
  } finally {
    await ground.close();
  }
}

async function startNode(redis: RedisServer, secrets: Secrets, at: number): Promise<ServerProcess> {
  const env = { FANFARE_NODE_ID: `n${at + 1}`, FANFARE_HEARTBEAT: `${HEARTBEAT_SECONDS}s` };
  return startRole('node', { ...environment(redis, secrets, await freePort(HOST)), ...env });
}

/** Of a role of a cluster on that Redis. */
export function environment(redis: RedisServer, secrets: Secrets, port: number): Record<string, string> {
  return {
    FANFARE_HOST: HOST,
    FANFARE_PORT: String(port),
    FANFARE_REDIS_URL: redis.url,
    FANFARE_AUTH_SECRET: secrets.authSecret,
    FANFARE_CLUSTER_SECRET: secrets.clusterSecret,
    FANFARE_LOG_LEVEL: 'warn',
  };
}

async function measure(ground: Ground, links: number, log: ScaleOptions['log']): Promise<ScaleResult> {
  const { nodes } = ground;
  const empty = nodes.map(({ pid }) => residentBytes(PROC, pid));
  const openSeconds = await openAll(ground, links, log);
  const shares = await Promise.all(
    nodes.map(async ({ pid, port }, at): Promise<NodeShare> => {
      const held = await linksOn(port);
      const bytes = residentBytes(PROC, pid);
      return {
        links: held,
        residentMiB: bytes / 1024 ** 2,
        kibPerLink: (bytes - (empty[at] ?? 0)) / Math.max(1, held) / 1024,
      };
    }),
  );
  const reports = await broadcastToAll(ground, log);
  const sum = (of: (report: FleetReport) => number) => reports.reduce((all, report) => all + of(report), 0);
  const [lost, repeated] = [sum((report) => report.lost), sum((report) => report.repeated)];
  const ended = reports.at(-1)?.ended ?? 0;
  const broadcasts = reports.map((report) => ({ reached: report.deliveries, seconds: secondsOf(report) }));
  const latency = mergeHistograms(reports.map((report) => encodeHistogram(report.latency)));
  const unevenness = unevennessOf(shares.map((share) => share.links));
  return {
    ...{ format: 'fanfare-scale-1', date: new Date().toISOString(), machine: describeMachine(), links },
    ...{ heartbeatSeconds: HEARTBEAT_SECONDS, openSeconds, nodes: shares, unevenness },
    broadcasts,
    p50Ms: (latency?.getValueAtPercentile(50) ?? Number.NaN) / 1_000,
    p99Ms: (latency?.getValueAtPercentile(99) ?? Number.NaN) / 1_000,
    faults: [
      ...(lost > 0 ? [`${lost} deliveries were lost`] : []),
      ...(repeated > 0 ? [`${repeated} deliveries were repeated`] : []),
      ...(ended > 0 ? [`${ended} links ended`] : []),
      ...(unevenness > MOST_UNEVEN ? [`a node is ${(unevenness * 100).toFixed(1)} % from the mean`] : []),
    ],
  };
}

async function openAll({ discovery, fleet, secrets }: Ground, links: number, log: ScaleOptions['log']) {
  const startUs = nowUs();
  for (let opened = 0; opened < links; opened += AT_A_TIME) {
    await fleet.open({
      ...{ transport: 'websocket', host: discovery.host, port: discovery.port, channel: CHANNEL, pollEveryMs: 0 },
      ...{ secret: secrets.authSecret, follows: true, atOnce: AT_ONCE },
      count: Math.min(AT_A_TIME, links - opened),
    });
    if ((opened + AT_A_TIME) % TOLD_EACH === 0)
      log(`${Math.min(links, opened + AT_A_TIME).toLocaleString('en')} links are open`);
  }
  return (nowUs() - startUs) / 1e6;
}

/** One after the other, the next when all have the last. */
async function broadcastToAll({ fleet, publisher }: Ground, log: ScaleOptions['log']): Promise<readonly FleetReport[]> {
  const numbers = new Numbers(1);
  const reports: FleetReport[] = [];
  for (let at = 0; at < BROADCASTS; at += 1) {
    const window = numbers.take(1);
    await fleet.reset({ first: window.first, latency: true });
    publisher.send(encodeLogged(CHANNEL, makePayload(PAYLOAD_BYTES, nowUs(), window.first)), 1);
    await publisher.settled();
    const untilMs = performance.now() + PATIENCE_MS;
    let report = await fleet.report(window);
    while (report.lost > 0 && performance.now() < untilMs) {
      await pause(LOOK_AGAIN_MS);
      report = await fleet.report(window);
    }
    reports.push(report);
    log(`a broadcast reached ${report.deliveries.toLocaleString('en')} links within ${secondsOf(report).toFixed(2)} s`);
  }
  return reports;
}

/** Until the last had it, as its client saw it. */
function secondsOf({ latency }: FleetReport): number {
  return (latency?.maxValue ?? Number.NaN) / 1e6;
}

/** As a share of the mean. */
export function unevennessOf(links: readonly number[]): number {
  const mean = links.reduce((sum, one) => sum + one, 0) / links.length;
  return Math.max(...links.map((one) => Math.abs(one - mean))) / mean;
}

/** As the node tells it: its sockets are more than its links, as discovery and a look at `/metrics` are connections too. */
export async function linksOn(port: number): Promise<number> {
  const response = await fetch(`http://${HOST}:${port}/metrics`, { signal: AbortSignal.timeout(METRICS_TIMEOUT_MS) });
  const text = await response.text();
  const links = /^fanfare_connections\{[^}]*\} (\d+)$/m.exec(text)?.[1];
  if (links === undefined)
    throw new Error(`the node on port ${port} does not say how many links it has: ${text.slice(0, 200)}`);
  return Number(links);
}

export function describeScale(result: ScaleResult): string {
  const { links, nodes, openSeconds, heartbeatSeconds, broadcasts, unevenness, machine, faults } = result;
  const slowest = Math.max(...broadcasts.map(({ seconds }) => seconds));
  const memory = nodes.reduce((sum, { residentMiB }) => sum + residentMiB, 0);
  const perLink = nodes.map(({ kibPerLink }) => kibPerLink.toFixed(1)).join(', ');
  return [
    `${links.toLocaleString('en')} idle, subscribed WebSockets on ${nodes.length} nodes, assigned by discovery, a heartbeat each ${heartbeatSeconds} s`,
    `on ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}`,
    `links by node: ${nodes.map((node) => node.links).join(', ')}; the farthest is ${(unevenness * 100).toFixed(2)} % from the mean`,
    `open within ${openSeconds.toFixed(0)} s, tickets included, clients on the same machine`,
    `memory of the nodes: ${memory.toFixed(0)} MiB; KiB that came with each link: ${perLink}`,
    `a broadcast reaches all within ${slowest.toFixed(2)} s (p50 ${result.p50Ms.toFixed(0)} ms, p99 ${result.p99Ms.toFixed(0)} ms, clients on the same machine)`,
    ...broadcasts
      .filter(({ reached }) => reached !== links)
      .map(({ reached }) => `INVALID: a broadcast reached ${reached} of ${links}`),
    ...faults.map((fault) => `INVALID: ${fault}`),
  ].join('\n');
}

/** The exit code. */
export async function runScale(options: ScaleOptions): Promise<number> {
  const result = await measureScale(options);
  mkdirSync(new URL('loadtest/results/', ROOT), { recursive: true });
  const name = `scale-${result.date.slice(0, 19).replaceAll(':', '')}-${result.machine.commit}.json`;
  const path = fileURLToPath(new URL(`loadtest/results/${name}`, ROOT));
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  process.stdout.write(`${describeScale(result)}\n`);
  options.log(`written: ${path}`);
  return result.faults.length > 0 || result.broadcasts.some(({ reached }) => reached !== result.links) ? 1 : 0;
}
