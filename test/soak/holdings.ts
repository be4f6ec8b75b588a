// What the processes of a soak hold, garbage apart, and what lies in Redis.

import { readdirSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { ServerProcess } from '../support/process.js';
import { metricsOf } from '../support/readiness.js';
import type { Sample } from './slope.js';

export class Holdings {
  /** By name, such as `n1 MiB in use`. */
  readonly samples = new Map<string, Sample[]>();
  readonly #redis: Redis;
  readonly #processes: Readonly<Record<string, ServerProcess>>;

  constructor(redis: Redis, processes: Readonly<Record<string, ServerProcess>>) {
    this.#redis = redis;
    this.#processes = processes;
  }

  async look(): Promise<void> {
    const atMs = Date.now();
    const note = (name: string, value: number) =>
      void this.samples.set(name, [...(this.samples.get(name) ?? []), { atMs, value }]);
    for (const [name, process] of Object.entries(this.#processes)) {
      process.kill('SIGUSR2');
      // It answers once it has collected.
      const value = await metricsOf(process.url);
      const used = value('nodejs_heap_size_used_bytes') + value('nodejs_external_memory_bytes');
      note(`${name} MiB in use`, used / 1_048_576);
      note(`${name} MiB resident`, value('process_resident_memory_bytes') / 1_048_576);
      note(`${name} descriptors`, readdirSync(`/proc/${process.pid}/fd`).length);
    }
    note('Redis keys', await this.#redis.dbsize());
    const [, used] = /^used_memory:(\d+)/m.exec(await this.#redis.info('memory')) ?? [];
    note('Redis MiB', Number(used) / 1_048_576);
  }
}
