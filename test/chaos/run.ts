// One chaos run on one shape of Redis: warm-up, load with faults, healing, and the last reading of the logs.

import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { Random } from '../support/random.js';
import { type Bed, type Shape, startBed } from './beds.js';
import type { Latency } from './client-worker.js';
import { Crowd } from './crowd.js';
import type { Fault, Stage } from './fault.js';
import { Fleet, type Holding, heldMore } from './fleet.js';
import { HistoryWriter, instant } from './history-writer.js';
import { readLogs, readTails } from './log-reader.js';
import type { PublisherQuestions } from './publisher-worker.js';
import { WorkerProcess } from './worker-process.js';

export interface RunPlan {
  readonly directory: string;
  readonly shape: Shape;
  /** Whether Redis speaks TLS alone. */
  readonly tls?: boolean;
  readonly seed: number;
  readonly clients: number;
  readonly channels: number;
  readonly channelsPerClient: number;
  readonly publishesPerSecond: number;
  /** Each fault is made once, then they go round until so much time has passed. */
  readonly forMs: number;
  readonly faults: readonly Fault[];
  /** Between two faults, in milliseconds; absent: about 3,000. */
  readonly calmMs?: number;
  readonly workers: number;
  /** For whoever watches. */
  log(line: string): void;
}

export interface RunResult {
  /** What went wrong beside the history: a fault that could not be made, a client that did not come back. */
  readonly troubles: readonly string[];
  readonly faults: number;
  readonly latency: Readonly<Record<string, Latency>>;
  readonly holding: { readonly before: readonly Holding[]; readonly after: readonly Holding[] };
}

const NODES = 3;
/** Enough that nothing is trimmed in the longest run; `short` is trimmed all the time. */
const NAMESPACES = { chaos: { historySize: 10_000, historyTtl: '2h' }, short: { historySize: 40, historyTtl: '2h' } };
const SHORT_SHARE = 0.05;
/** Beyond it, what all nodes hold at the end counts as leaked. */
export const MORE_DESCRIPTORS = 64;
/** Chosen: a connection of polls that nobody uses any more is closed sooner. */
const SETTLED_WITHIN_MS = 60_000;
/** Longer than what counts as late, so that no fault is blamed for the one before it. */
const CALM_MS = 3_500;
const MORE_CALM_MS = 1_000;
const RECOVERED_WITHIN_MS = 90_000;
const READY_WITHIN_MS = 60_000;

export async function runChaos(plan: RunPlan): Promise<RunResult> {
  const run = new Run(plan);
  try {
    await run.start();
    await run.makeFaults();
    return await run.finish();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #plan: RunPlan;
  readonly #random: Random;
  readonly #writer: HistoryWriter;
  readonly #troubles: string[] = [];
  readonly #publisher = new WorkerProcess<PublisherQuestions>('publisher-worker.ts');
  readonly #crowd: Crowd;
  readonly #channels: readonly string[];
  #bed: Bed | undefined;
  #fleet: Fleet | undefined;
  #before: readonly Holding[] = [];
  #faults = 0;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    this.#writer = new HistoryWriter(plan.directory, 'faults');
    const short = Math.ceil(plan.channels * SHORT_SHARE);
    this.#channels = Array.from({ length: plan.channels }, (_, n) => `${n < short ? 'short' : 'chaos'}:${n}`);
    this.#crowd = new Crowd(plan, this.#channels, this.#random);
  }

  get #stage(): Stage {
    if (this.#bed === undefined || this.#fleet === undefined) throw new Error('not started');
    const burst = (count: number) => this.#publisher.ask('burst', count);
    return { bed: this.#bed, fleet: this.#fleet, random: this.#random, burst };
  }

  async start(): Promise<void> {
    const { directory, shape, seed, publishesPerSecond, tls } = this.#plan;
    this.#bed = await startBed(shape, directory, tls);
    const [server] = this.#bed.servers;
    const redisAddress = shape === 'single' && server !== undefined ? server : undefined;
    const { redisUrl, place, access } = this.#bed;
    const reached = { redisUrl, redisEnv: access.env, redisAddress };
    this.#fleet = await Fleet.start({ directory, ...reached, namespaces: NAMESPACES, nodes: NODES });
    const { discovery, secret, publishKey, members } = this.#fleet;
    await this.#crowd.open(discovery.url, secret);
    await eventually(async () => (await this.#crowd.missing()) ?? true, READY_WITHIN_MS);
    await this.#publisher.ask('start', {
      ...{ directory, name: 'publisher', seed, channels: this.#channels, perSecond: publishesPerSecond },
      ...{
        redis: place,
        isCluster: shape === 'cluster',
        replicas: this.#bed.replicas,
        nodeUrls: members.map(({ url }) => url),
        publishKey,
      },
    });
    await this.#recover();
    this.#before = await this.#holding();
    this.#plan.log(`${this.#plan.clients} clients on ${this.#channels.length} channels, every one has had a message`);
  }

  async makeFaults(): Promise<void> {
    const endAt = instant() + this.#plan.forMs;
    for (let round = 1; round === 1 || instant() < endAt; round++) {
      for (const fault of this.#shuffled(this.#plan.faults, round)) {
        if (round > 1 && instant() >= endAt) return;
        await pause(this.#plan.calmMs ?? CALM_MS + this.#random.below(MORE_CALM_MS));
        await this.#make(fault);
      }
    }
  }

  /** Stops publishing, waits until every client is at the tail, and reads all logs. */
  async finish(): Promise<RunResult> {
    const { bed } = this.#stage;
    await this.#recover().catch((error: unknown) => this.#trouble(`after the last fault: ${String(error)}`));
    await this.#publisher.ask('pause', undefined);
    await bed.healthy();
    await this.#queueIsEmpty();
    const tails = await readTails(bed, this.#channels);
    const lagging = () => this.#crowd.lagging(tails, true);
    await eventually(async () => (await lagging()) ?? true, RECOVERED_WITHIN_MS).catch((error: unknown) =>
      this.#trouble(`at the end: ${String(error)}`),
    );
    const after = await this.#settled();
    const sizes = (channel: string) => NAMESPACES[channel.startsWith('short') ? 'short' : 'chaos'].historySize;
    await readLogs(bed, this.#channels, sizes, (event) => this.#writer.note(event));
    this.#writer.flush();
    await this.#publisher.ask('close', undefined);
    const latency = await this.#crowd.latency();
    await this.#crowd.finish();
    return { troubles: this.#troubles, faults: this.#faults, latency, holding: { before: this.#before, after } };
  }

  async close(): Promise<void> {
    await this.#crowd.stop();
    await this.#publisher.stop();
    await this.#fleet?.close();
    await this.#bed?.stop();
    this.#writer.close();
  }

  async #make(fault: Fault): Promise<void> {
    const number = ++this.#faults;
    const { name, damage, holdMs } = fault;
    const [from, to] = holdMs;
    const note = (phase: 'inject' | 'heal' | 'recovered', t: number, detail: string, nodes?: readonly string[]) =>
      this.#writer.note(
        { kind: 'info', f: 'fault', number, fault: name, phase, damage, detail, ...(nodes && { nodes }) },
        t,
      );
    const begunAt = instant();
    const begun = await fault.begin(this.#stage).catch((error: unknown) => {
      throw new Error(`fault ${number} (${name}) could not be made`, { cause: error });
    });
    try {
      note('inject', begunAt, begun.detail, begun.nodes);
      await pause(from + this.#random.below(to - from + 1));
      const healingAt = instant();
      const detail = await begun.heal();
      note('heal', fault.leavesOthers ? begunAt : healingAt, detail ?? 'healed', begun.nodes);
      const recoveredMs = await this.#recover();
      note('recovered', instant(), `every client after ${recoveredMs} ms`);
      this.#plan.log(`${number}. ${name}: ${begun.detail}; ${detail ?? 'healed'}; all clients after ${recoveredMs} ms`);
    } catch (error) {
      this.#trouble(`fault ${number} (${name}): ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  /** Resolves when every client has had a message that was published after this was called. */
  async #recover(): Promise<number> {
    const since = instant();
    const marks = await this.#publisher.ask('mark', undefined);
    await eventually(async () => (await this.#crowd.lagging(marks, false)) ?? true, RECOVERED_WITHIN_MS);
    return Math.round(instant() - since);
  }

  async #queueIsEmpty(): Promise<void> {
    const { bed } = this.#stage;
    await eventually(async () => {
      const lengths = await Promise.all(
        (await bed.masters()).map(({ admin }) => admin.xlen('fanfare:ingest').catch(() => 0)),
      );
      const queued = lengths.reduce((sum, length) => sum + length, 0);
      return queued === 0 || `${queued} messages are queued`;
    }, RECOVERED_WITHIN_MS).catch((error: unknown) => this.#trouble(String(error)));
  }

  /** What the nodes hold once the connections of the last fault have ended, or when they do not. */
  async #settled(): Promise<readonly Holding[]> {
    let after: readonly Holding[] = [];
    await eventually(async () => {
      after = await this.#holding();
      const more = heldMore(this.#before, after, 'descriptors');
      return more <= MORE_DESCRIPTORS || `${more} descriptors more`;
    }, SETTLED_WITHIN_MS).catch((error: unknown) => this.#plan.log(`at the end: ${String(error)}`));
    return after;
  }

  #holding(): Promise<Holding[]> {
    return Promise.all(this.#stage.fleet.members.map((member) => member.holding()));
  }

  #trouble(text: string): void {
    this.#troubles.push(text);
    this.#plan.log(`TROUBLE ${text}`);
  }

  /** What loses everything comes first, twice, and then never again: all that is acknowledged later has to be there at the end. */
  #shuffled(faults: readonly Fault[], round: number): Fault[] {
    const cards = faults.map((fault) => ({ fault, at: this.#random.next() }));
    const shuffled = cards.sort((a, b) => a.at - b.at).map(({ fault }) => fault);
    const losing = round > 1 ? [] : shuffled.filter(({ damage }) => damage === 'all');
    return [...losing, ...losing, ...shuffled.filter(({ damage }) => damage !== 'all')];
  }
}
