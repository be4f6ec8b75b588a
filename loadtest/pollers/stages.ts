// The stages of a run: so many pollers on a channel with so many messages, and what that costs the node behind the cache.

import { setTimeout as pause } from 'node:timers/promises';
import { cpuSecondsBetween, readCpuTime, residentBytes } from '../cpu-time.js';
import { PROC } from '../proc.js';
import { encodeLogged, type Publisher } from '../publisher.js';
import type { Numbered } from './answer.js';
import type { Crowd } from './crowd.js';
import type { NginxProcess } from './nginx.js';
import type { PollerTarget } from './poller.js';
import { percentile, type Tally } from './tally.js';

/** One row of the table. */
export interface Stage {
  readonly pollers: number;
  /** Messages that are published each second. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Whether others read there too: another channel, and one that is not public, with and without a token. */
  readonly isMixed: boolean;
}

export interface StageResult {
  readonly stage: Stage;
  readonly seconds: number;
  /** Requests that the node was asked, in a second. */
  readonly askedPerSecond: number;
  readonly answersPerSecond: number;
  readonly published: number;
  /** Deliveries, to all pollers together, that did not come. */
  readonly missing: number;
  readonly tally: Tally;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly nodeCpuSeconds: number;
  readonly cacheCpuSeconds: number;
  readonly nodeMiB: number;
  /** Messages × pollers for each CPU-second of the node. */
  readonly deliveriesPerCpuSecond: number;
}

export interface Ground {
  readonly nginx: NginxProcess;
  readonly host: string;
  readonly port: number;
  readonly nodePid: number;
  readonly publisher: Publisher;
  readonly crowd: Crowd;
  /** A token that may read everything. */
  readonly token: string;
}

/** Waits on a silent channel end together, each 20 s: by then all who came apart are one. */
const SILENT_SETTLING_MS = 22_000;
const SETTLING_MS = 4_000;
/** Chosen: so long what was published last may still be on its way, and where it is more than the clients here can take. */
const TAIL_MS = { ordinary: 2_500, flooded: 10_000 } as const;
const ORDINARY_PER_SECOND = 4;
/** Chosen: of each kind of other readers. */
const OTHERS = 4;
/** Chosen: how often what they read is published. */
const OTHERS_EVERY_MS = 2_000;
const MIB = 1024 * 1024;

/** Every stage has channels of its own, so that none is measured on what another has left. */
export async function measure(ground: Ground, stage: Stage, index: number): Promise<StageResult> {
  const { crowd } = ground;
  const [main, other, secret] = [`pub:main-${index}`, `pub:other-${index}`, `own:secret-${index}`];
  const feeds = stage.isMixed ? [main, other, secret].map((name) => new Feed(ground, name)) : [new Feed(ground, main)];
  for (const feed of feeds) await feed.publish();
  await crowd.open(targetsOf(ground, stage, main, stage.isMixed ? [other, secret] : []));
  crowd.reset();
  const [first, ...others] = feeds;
  const pace = (ms: number, feed: Feed | undefined) => setInterval(() => void feed?.publish(), ms);
  const timers = others.map((feed) => pace(OTHERS_EVERY_MS, feed));
  if (stage.perSecond > 0) timers.push(pace(1_000 / stage.perSecond, first));
  try {
    await pause(stage.perSecond > 0 ? SETTLING_MS : SILENT_SETTLING_MS);
    return await watched(ground, stage, feeds, timers);
  } finally {
    for (const timer of timers) clearInterval(timer);
    crowd.empty();
  }
}

/** What happens from now until the end of the stage and of what is on its way by then. */
async function watched(
  { crowd, nginx, nodePid }: Ground,
  stage: Stage,
  feeds: readonly Feed[],
  timers: readonly NodeJS.Timeout[],
): Promise<StageResult> {
  const workers = workersOf(nginx.pid);
  const before = { asked: await nginx.asked(), node: readCpuTime(PROC, nodePid), cache: workers.map(cpuOf) };
  const fromMs = performance.now();
  await pause(stage.seconds * 1_000);
  for (const timer of timers) clearInterval(timer);
  await pause(stage.perSecond > ORDINARY_PER_SECOND ? TAIL_MS.flooded : TAIL_MS.ordinary);
  const seconds = (performance.now() - fromMs) / 1_000;
  const asked = (await nginx.asked()) - before.asked;
  const nodeCpuSeconds = cpuSecondsBetween(before.node, readCpuTime(PROC, nodePid));
  const cacheCpu = workers.map((pid, n) => cpuSecondsBetween(before.cache[n] ?? cpuOf(pid), cpuOf(pid)));
  const tally = await crowd.report();
  const settledSeconds = stage.perSecond > 0 ? SETTLING_MS / 1_000 : 0;
  // Whoever began had the first message by then, and gets all others.
  const expected = feeds.reduce((sum, feed, n) => sum + (feed.published - 1) * (n === 0 ? stage.pollers : OTHERS), 0);
  const share = seconds / (seconds + settledSeconds);
  return {
    ...{ stage, seconds, tally, nodeCpuSeconds },
    askedPerSecond: asked / seconds,
    answersPerSecond: tally.answers / (seconds + settledSeconds),
    published: feeds[0]?.published ?? 0,
    missing: expected - tally.messages,
    p50Ms: percentile(tally, 0.5),
    p99Ms: percentile(tally, 0.99),
    cacheCpuSeconds: cacheCpu.reduce((sum, one) => sum + one, 0),
    nodeMiB: residentBytes(PROC, nodePid) / MIB,
    deliveriesPerCpuSecond: (tally.messages * share) / nodeCpuSeconds,
  };
}

type Targets = readonly (Omit<PollerTarget, 'from'> & { readonly count: number })[];

function targetsOf({ host, port, token }: Ground, stage: Stage, main: string, others: readonly string[]): Targets {
  const open = { host, port };
  const [other, secret] = others;
  return [
    { ...open, channel: main, count: stage.pollers },
    ...(other === undefined ? [] : [{ ...open, channel: other, count: OTHERS }]),
    ...(secret === undefined
      ? []
      : [
          { ...open, channel: secret, authorization: `Bearer ${token}`, count: OTHERS },
          { ...open, channel: secret, isStranger: true, count: OTHERS },
        ]),
  ];
}

/** Publishes numbered messages on one channel. */
class Feed {
  readonly #publisher: Publisher;
  readonly #channel: string;
  published = 0;

  constructor({ publisher }: Ground, channel: string) {
    this.#publisher = publisher;
    this.#channel = channel;
  }

  publish(): Promise<void> {
    const message: Numbered = { c: this.#channel, n: ++this.published, t: Date.now() };
    this.#publisher.send(encodeLogged(this.#channel, JSON.stringify(message)), 1);
    return this.#publisher.settled();
  }
}

/** What else nginx has beside them ends after a while. */
function workersOf(pid: number): readonly number[] {
  const children = PROC.read(`${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
  return children.filter((child) => PROC.read(`${child}/cmdline`).includes('worker process'));
}

function cpuOf(pid: number) {
  return readCpuTime(PROC, pid);
}
