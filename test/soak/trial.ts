// Hours of ordinary life: readers stay, come and go, tickets are renewed, nodes are deployed, and nothing may grow.

import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../../client-sdk/node.js';
import type { Client, Transport } from '../../client-sdk/types.js';
import { COLLECTING } from '../../loadtest/server-process.js';
import { type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { type Attempt, byHttp, byRedis, Publisher, publishingClient } from '../support/load.js';
import { Holdings } from './holdings.js';
import { Reader } from './reader.js';
import { type Slope, slopeOf } from './slope.js';

export interface SoakPlan {
  readonly forMs: number;
  /** Not looked at: caches fill, code is compiled. */
  readonly warmUpMs: number;
  readonly lookEveryMs: number;
  readonly deployEveryMs: number;
  /** Half of them stay, the others come and go. */
  readonly readers: number;
  readonly publishEveryMs: number;
  readonly say: (line: string) => void;
}

export interface SoakResult {
  readonly failures: readonly string[];
  readonly slopes: ReadonlyMap<string, Slope>;
  readonly published: number;
  readonly heard: number;
  readonly visits: number;
  readonly deploys: number;
}

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
/** Nodes that live as long as it does; one more is replaced again and again. */
const LASTING = 2;
const SHARED_CHANNELS = 10;
/** Chosen: so many strangers at once that what is kept of the last thousand, as limits, is full before growth is looked at. */
const STRANGERS = 6;
/** Nothing else is left of what a stranger did. */
const TAIL_LIFE_MS = 120_000;
/** Chosen: one of those who come and go is away, or stays, so long. */
const VISIT_MS = 6_000;
/** All that is kept is gone a minute later, so that what lies in Redis is what a minute makes. */
const ENVIRONMENT = {
  FANFARE_TICKET_TTL: '60s',
  FANFARE_DRAIN_DELAY: '1s',
  FANFARE_HANDSHAKES_PER_IP: '0',
  FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: 1_000, historyTtl: '60s' } }),
};
/** Chosen: the first failures say enough. */
const MAX_FAILURES = 20;

export async function soak(plan: SoakPlan): Promise<SoakResult> {
  const cluster = await startCluster({ engines: ['uws', 'ws', 'uws'], env: ENVIRONMENT, nodeFlags: COLLECTING });
  const life = new Life(plan, cluster);
  try {
    return await life.run();
  } finally {
    await life.end();
    await cluster.close();
  }
}

class Life {
  readonly #failures: string[] = [];
  readonly #plan: SoakPlan;
  readonly #cluster: Cluster;
  readonly #readers: Reader[] = [];
  readonly #publishers: Publisher[];
  readonly #speakers: Client[] = [];
  readonly #redis;
  readonly #stop = new AbortController();
  #visits = 0;
  #deploys = 0;
  #strangers = 0;
  readonly #tails: { readonly key: string; readonly atMs: number }[] = [];

  constructor(plan: SoakPlan, cluster: Cluster) {
    this.#plan = plan;
    this.#cluster = cluster;
    this.#redis = publishingClient(cluster.redis.host, cluster.redis.port);
    const lasting = ['n1', 'n2'].map((id) => cluster.nodes.get(id)?.url ?? '');
    const ways: Attempt[] = [
      byRedis(this.#redis),
      ...lasting.map((url) => byHttp(url, PUBLISH_KEY, [])),
      ...TRANSPORTS.map((transport) => this.#bySdk(transport)),
    ];
    this.#publishers = Array.from(
      { length: SHARED_CHANNELS },
      (_, n) => new Publisher(`room:${n}`, plan.publishEveryMs, ways[n % ways.length] as Attempt),
    );
  }

  async run(): Promise<SoakResult> {
    setMaxListeners(0, this.#stop.signal);
    const { readers, forMs, warmUpMs, lookEveryMs, deployEveryMs, say } = this.#plan;
    const { nodes, discovery, redis } = this.#cluster;
    for (const publisher of this.#publishers) publisher.start();
    for (let n = 0; n < readers; n++) this.#readers.push(this.#reader(`reader-${n}`, n));
    for (const reader of this.#readers) reader.come();
    const guests = this.#readers.slice(readers >> 1);
    const [n1, n2] = [nodes.get('n1'), nodes.get('n2')];
    if (n1 === undefined || n2 === undefined) throw new TypeError('two nodes last');
    const holdings = new Holdings(redis.admin, { n1, n2, discovery });
    const work = [
      ...guests.map((guest, n) => this.#comeAndGo(guest, n)),
      ...Array.from({ length: STRANGERS }, () => this.#each(1_000, () => this.#stranger())),
      this.#each(deployEveryMs, () => this.#deploy()),
    ];
    await pause(warmUpMs);
    const looking = this.#each(lookEveryMs, async () => {
      await holdings.look();
      const newest = [...holdings.samples].map(([name, samples]) => `${name} ${samples.at(-1)?.value.toFixed(1)}`);
      say(`${this.#heard()} heard, ${this.#visits} visits, ${this.#deploys} deploys; ${newest.join(', ')}`);
    });
    await pause(forMs - warmUpMs);
    this.#stop.abort();
    await Promise.all([...work, looking]);
    await Promise.all(this.#publishers.map((publisher) => publisher.stop()));
    return {
      failures: this.#failures,
      slopes: new Map([...holdings.samples].map(([name, samples]) => [name, slopeOf(samples)])),
      published: this.#publishers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
      ...{ heard: this.#heard(), visits: this.#visits, deploys: this.#deploys },
    };
  }

  async end(): Promise<void> {
    this.#stop.abort();
    for (const publisher of this.#publishers) publisher.abandon();
    for (const reader of this.#readers) reader.go();
    for (const speaker of this.#speakers) speaker.close();
    this.#redis.disconnect();
  }

  #heard(): number {
    return this.#readers.reduce((sum, { heard }) => sum + heard, 0);
  }

  #fail(what: string): void {
    if (this.#failures.push(what) <= MAX_FAILURES) this.#plan.say(`FAILED: ${what}`);
  }

  #reader(user: string, n: number): Reader {
    return new Reader({
      ...{ url: this.#cluster.discovery.url, user, transport: TRANSPORTS[n % TRANSPORTS.length] as Transport },
      channels: [`room:${n % SHARED_CHANNELS}`, `room:${(n + 3) % SHARED_CHANNELS}`],
      token: (user) => this.#cluster.token(user),
      fail: (what) => this.#fail(what),
    });
  }

  #bySdk(transport: Transport): Attempt {
    const user = `speaker-${transport}`;
    const token = () => this.#cluster.token(user);
    const client = createClient({ url: this.#cluster.discovery.url, token, transports: [transport] });
    this.#speakers.push(client);
    return async (channel, data, key) => {
      const published = await client.publish(channel, Number(data), { key }).catch((error: unknown) => {
        this.#fail(`${user} could not publish: ${String(error)}`);
        return undefined;
      });
      return published?.offset;
    };
  }

  async #comeAndGo(guest: Reader, n: number): Promise<void> {
    const { signal } = this.#stop;
    await pause((n * VISIT_MS) / this.#plan.readers, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted) {
      await pause(VISIT_MS, undefined, { signal }).catch(() => undefined);
      guest.go();
      await pause(VISIT_MS / 4, undefined, { signal }).catch(() => undefined);
      guest.come();
      this.#visits++;
    }
  }

  /** Somebody who was never here reads a channel that nobody had, is told something there, and is never seen again. */
  async #stranger(): Promise<void> {
    await this.#forgetTails();
    const channel = `room:stranger-${this.#strangers++}`;
    const token = await this.#cluster.token(channel);
    const transport = TRANSPORTS[this.#strangers % TRANSPORTS.length] as Transport;
    const client = createClient({ url: this.#cluster.discovery.url, token, transports: [transport] });
    try {
      const subscription = client.subscribe(channel, { after: '-1', signal: AbortSignal.timeout(30_000) });
      await client.publish(channel, 1);
      for await (const { data } of subscription) {
        if (data !== 1) this.#fail(`${channel} heard ${JSON.stringify(data)}`);
        break;
      }
    } catch (error) {
      this.#fail(`${channel}: ${String(error)}`);
    } finally {
      client.close();
      this.#tails.push({ key: `fanfare:{${channel}}:tail`, atMs: Date.now() });
    }
  }

  /** For thirty days Redis keeps where each channel ended, so that its keys grow with those that were ever used: nobody comes back to these. */
  async #forgetTails(): Promise<void> {
    while ((this.#tails[0]?.atMs ?? Number.POSITIVE_INFINITY) < Date.now() - TAIL_LIFE_MS) {
      const tail = this.#tails.shift();
      if (tail !== undefined) await this.#cluster.redis.admin.unlink(tail.key);
    }
  }

  async #deploy(): Promise<void> {
    const old = this.#cluster.nodes.get(`n${LASTING + 1 + this.#deploys}`);
    this.#deploys++;
    await this.#cluster.startNode(`n${LASTING + 1 + this.#deploys}`, this.#deploys % 2 === 0 ? 'uws' : 'ws');
    old?.kill('SIGTERM');
    const ended = await old?.finished;
    if (ended?.code !== 0) this.#fail(`a node that was told to end ended with ${ended?.code}`);
  }

  /** One after the other. */
  async #each(everyMs: number, act: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await act();
    }
  }
}
