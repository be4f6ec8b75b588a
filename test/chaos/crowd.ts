// The clients of a chaos run, spread over transports, channels and worker processes.

import type { Transport } from '../../client-sdk/types.js';
import type { Random } from '../support/random.js';
import type { ClientQuestions, Latency, Missing, Tails } from './client-worker.js';
import type { ClientPlan } from './sdk-client.js';
import { WorkerProcess } from './worker-process.js';

export interface CrowdPlan {
  readonly directory: string;
  readonly clients: number;
  readonly channelsPerClient: number;
  readonly workers: number;
}

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
/** Of the clients, those that do without the SDK. */
const BARE_EVERY = 10;

export class Crowd {
  readonly #plan: CrowdPlan;
  readonly #clients: readonly ClientPlan[];
  readonly #workers: readonly WorkerProcess<ClientQuestions>[];

  constructor(plan: CrowdPlan, channels: readonly string[], random: Random) {
    this.#plan = plan;
    this.#clients = Array.from({ length: plan.clients }, (_, n) => planClient(n, plan, channels, random));
    this.#workers = Array.from({ length: plan.workers }, () => new WorkerProcess<ClientQuestions>('client-worker.ts'));
  }

  async open(discoveryUrl: string, secret: string): Promise<void> {
    const { directory, workers } = this.#plan;
    await this.#all((worker, n) =>
      worker.ask('open', {
        ...{ directory, name: `clients-${n + 1}`, discoveryUrl, secret },
        // Every worker gets clients of every transport.
        clients: this.#clients.filter((_, index) => Math.floor(index / TRANSPORTS.length) % workers === n),
      }),
    );
  }

  /** Who is not connected; `undefined` when all are. */
  async missing(): Promise<string | undefined> {
    return described(await this.#all((worker) => worker.ask('missing', undefined)), 'clients are not connected');
  }

  /** What keeps some from these tails; `undefined` when all are there. */
  async lagging(tails: Tails, exactly: boolean): Promise<string | undefined> {
    const answers = await this.#all((worker) => worker.ask('lagging', { tails, exactly }));
    return described(answers, 'subscriptions lag');
  }

  /** By transport, the slower of the workers' figures. */
  async latency(): Promise<Readonly<Record<string, Latency>>> {
    const found: Record<string, Latency> = {};
    for (const answer of await this.#all((worker) => worker.ask('latency', undefined))) {
      for (const [transport, latency] of Object.entries(answer)) {
        const known = found[transport];
        found[transport] = known === undefined ? latency : slower(known, latency);
      }
    }
    return found;
  }

  /** Closes the clients, and their history. */
  async finish(): Promise<void> {
    await this.#all((worker) => worker.ask('close', undefined));
  }

  async stop(): Promise<void> {
    await this.#all((worker) => worker.stop());
  }

  #all<T>(ask: (worker: WorkerProcess<ClientQuestions>, n: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#workers.map(ask));
  }
}

function described(answers: readonly Missing[], what: string): string | undefined {
  const count = answers.reduce((sum, answer) => sum + answer.count, 0);
  return count === 0 ? undefined : `${count} ${what}: ${answers.flatMap(({ examples }) => examples).join('; ')}`;
}

function slower(a: Latency, b: Latency): Latency {
  return {
    count: a.count + b.count,
    p50Ms: Math.max(a.p50Ms, b.p50Ms),
    p99Ms: Math.max(a.p99Ms, b.p99Ms),
    maxMs: Math.max(a.maxMs, b.maxMs),
  };
}

/** Every channel gets clients of every transport: they go round both. */
function planClient(n: number, plan: CrowdPlan, channels: readonly string[], random: Random): ClientPlan {
  const chosen = new Set([channels[Math.floor(n / TRANSPORTS.length) % channels.length] ?? '']);
  while (chosen.size < Math.min(plan.channelsPerClient, channels.length)) chosen.add(random.pick(channels));
  const transport = TRANSPORTS[n % TRANSPORTS.length] ?? 'websocket';
  const isBare = Math.floor(n / TRANSPORTS.length) % BARE_EVERY === 0;
  return { id: `c${n}-${transport}`, transport, channels: [...chosen], isBare };
}
