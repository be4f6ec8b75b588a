// Looks at a process from outside: what `/readyz` says over time, its metrics, and what it holds of memory and descriptors.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ADMIN_KEY } from './cluster.js';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly sinceMs: number;
  readonly detail: string;
}

export interface Readiness {
  readonly atMs: number;
  readonly status: number;
  readonly checks: readonly Check[];
}

export async function readinessOf(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  const { checks } = (await response.json()) as { checks: Check[] };
  return { atMs: Date.now(), status: response.status, checks };
}

/** Asks again and again until it is stopped. */
export class ReadinessWatch {
  readonly samples: Readiness[] = [];
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(url: string, everyMs: number) {
    this.#running = this.#run(url, everyMs);
  }

  async stop(): Promise<readonly Readiness[]> {
    this.#stopped = true;
    await this.#running;
    return this.samples;
  }

  async #run(url: string, everyMs: number): Promise<void> {
    while (!this.#stopped) {
      this.samples.push(await readinessOf(url));
      await pause(everyMs);
    }
  }
}

/** All metrics as they are now: gives the value of one by its name, of its first series; 0 when there is none. */
export async function metricsOf(url: string): Promise<(name: string) => number> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  return (name) => Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** A metric of ours by its name without `fanfare_`; 0 when there is none. */
export async function metricOf(url: string, name: string): Promise<number> {
  return (await metricsOf(url))(`fanfare_${name}`);
}

export interface Footprint {
  readonly residentMb: number;
  readonly descriptors: number;
}

export function footprintOf(pid: number): Footprint {
  const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { residentMb: Math.round(kib / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
