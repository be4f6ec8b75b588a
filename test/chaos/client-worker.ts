// A worker process: holds many clients of a chaos run and writes down all that they are told.

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { openBareClient } from './bare-client.js';
import { HistoryWriter, instant } from './history-writer.js';
import { publishedAt } from './message-value.js';
import { type ChaosClient, type ClientPlan, openSdkClient } from './sdk-client.js';
import { serve } from './worker-process.js';

export interface ClientWorkerPlan {
  readonly directory: string;
  readonly name: string;
  readonly discoveryUrl: string;
  readonly secret: string;
  readonly clients: readonly ClientPlan[];
}

/** The newest offset of each channel that all must reach. */
export type Tails = Readonly<Record<string, string>>;

/** Clients or subscriptions that are not where they ought to be. */
export interface Missing {
  readonly count: number;
  readonly examples: readonly string[];
}

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

let writer: HistoryWriter | undefined;
let clients: readonly ChaosClient[] = [];
const latencies = new Map<string, RecordableHistogram>();

const questions = {
  async open(plan: ClientWorkerPlan): Promise<void> {
    writer = new HistoryWriter(plan.directory, plan.name);
    const { note } = { note: writer.note.bind(writer) };
    const heard = (transport: string, value: string) => {
      const histogram = latencies.get(transport) ?? createHistogram();
      latencies.set(transport, histogram);
      histogram.record(Math.max(1, Math.round((instant() - publishedAt(value)) * 1_000)));
    };
    const target = { discoveryUrl: plan.discoveryUrl, secret: plan.secret, note, heard };
    const opened = plan.clients.map((client) => (client.isBare ? openBareClient : openSdkClient)(client, target));
    clients = await Promise.all(opened);
  },

  /** Those that are not connected. */
  missing(): Missing {
    const missing = clients.filter((client) => !client.isConnected);
    return { count: missing.length, examples: missing.slice(0, 5).map(({ id, state }) => `${id} (${state})`) };
  },

  /** How many are not at these tails; beyond them is good too, unless they are to be met exactly. */
  lagging({ tails, exactly }: { readonly tails: Tails; readonly exactly: boolean }): Missing {
    let count = 0;
    const examples: string[] = [];
    for (const client of clients) {
      for (const [channel, position] of client.positions()) {
        const tail = tails[channel];
        if (tail === undefined || (exactly ? position === tail : position >= tail)) continue;
        count++;
        if (examples.length < 5)
          examples.push(`${client.id} on ${channel} at ${position} of ${tail} (${client.state})`);
      }
    }
    return { count, examples };
  },

  /** Since the last time it was asked, by transport. */
  latency(): Readonly<Record<string, Latency>> {
    const answer = [...latencies].map(([transport, histogram]): [string, Latency] => {
      const ms = (percentile: number) => histogram.percentile(percentile) / 1_000;
      const { count, max } = histogram;
      return [transport, { count, p50Ms: ms(50), p99Ms: ms(99), maxMs: max / 1_000 }];
    });
    for (const histogram of latencies.values()) histogram.reset();
    return Object.fromEntries(answer);
  },

  close(): void {
    for (const client of clients) client.close();
    writer?.close();
  },
};

export type ClientQuestions = typeof questions;

// A failure in a client must never pass for silence.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(1);
});
serve(questions);
