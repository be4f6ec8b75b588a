// A run's result as it lies in a file: raw rounds, and with them everything that is needed to judge and to repeat them.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Machine } from '../machine.js';
import { type Arm, labelOf } from '../plan/arm.js';

/** What one window of traffic came to. Sums, not averages: whoever reads them divides. */
export interface TrafficCounts {
  readonly messages: number;
  readonly expected: number;
  readonly deliveries: number;
  /** Those of them that came while CPU and bytes were watched; absent in older results, where all of them count. */
  readonly served?: number;
  readonly lost: number;
  readonly repeated: number;
  readonly disordered: number;
  /** Messages per second: asked for (absent in a flood), and acknowledged. */
  readonly asked?: number;
  readonly achieved: number;
  readonly wallSeconds: number;
  /** CPU seconds. */
  readonly server: number;
  readonly redis: number;
  readonly drivers: number;
  /** How often the server's main thread went to sleep, which is a context switch of its own accord. */
  readonly serverSleeps: number;
  /** Context switches of all its threads. */
  readonly serverSwitches?: number;
  /** At the clients' sockets, HTTP and WebSocket framing included. */
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** On the wire, both ways, headers of TCP and IP included; absent where links came and went. */
  readonly wireBytes?: number;
  readonly wireSegments?: number;
  readonly polls: number;
  readonly lagP99Ms: number;
  /** Microseconds from due to delivered, compressed; empty where no latency is told. */
  readonly histogram: string;
}

/** What sums of CPU and bytes are divided by. */
export function servedOf({ served, deliveries }: Pick<TrafficCounts, 'served' | 'deliveries'>): number {
  return served ?? deliveries;
}

/** Clients that came, or came back, until the last was served. */
export interface StormCounts {
  readonly clients: number;
  readonly seconds: number;
  /** CPU seconds. */
  readonly server: number;
  readonly redis: number;
}

export interface RampStep {
  /** Messages. */
  readonly perSecond: number;
  readonly deliveriesPerSecond: number;
  /** Of a processor. */
  readonly serverShare: number;
  readonly p99Ms: number;
}

export interface RampCounts {
  /** Those at which nothing gave. */
  readonly steps: readonly RampStep[];
  /** Why there are no more. */
  readonly reason: string;
}

export interface Round {
  readonly commit: string;
  readonly at: string;
  readonly faults: readonly string[];
  readonly doubts: readonly string[];
  readonly traffic?: TrafficCounts;
  /** Resident bytes of the server that one more idle link takes. */
  readonly linkBytes?: number;
  readonly storm?: StormCounts;
  readonly ramp?: RampCounts;
}

/** What one measurement of an arm came to. */
export type Outcome = Pick<Round, 'faults' | 'doubts' | 'traffic' | 'linkBytes' | 'storm' | 'ramp'>;

export interface Measurements {
  readonly arm: Arm;
  readonly rounds: readonly Round[];
}

export interface LabResult {
  readonly format: 'fanfare-lab-1';
  readonly begun: string;
  readonly command: string;
  readonly machine: Machine;
  /** How often each arm is to be measured. */
  readonly rounds: number;
  /** Whether rounds on a busy machine count, marked. */
  readonly allowBusy: boolean;
  readonly arms: readonly Measurements[];
  /** What could not be measured, and why. */
  readonly leftOut: readonly string[];
  /** By the name of a server: how it was configured. */
  readonly configurations: Readonly<Record<string, string>>;
}

/** Whether a round's numbers are told. */
export function counts(round: Round, allowBusy: boolean): boolean {
  return round.faults.length === 0 && (allowBusy || round.doubts.length === 0);
}

/** Throws when the file is not a result. */
export function readResult(path: string): LabResult {
  const text = readFileSync(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is not JSON`, { cause });
  }
  const { format } = (value ?? {}) as { format?: unknown };
  if (format !== 'fanfare-lab-1')
    throw new Error(`${path} is not a result of the lab: its format is ${String(format)}`);
  return value as LabResult;
}

/** Whole or not at all: whoever interrupts a run finds what was there before. */
export function writeResult(path: string, result: LabResult): void {
  const fresh = `${path}.tmp`;
  writeFileSync(fresh, `${JSON.stringify(result, null, 1)}\n`);
  renameSync(fresh, path);
}

/** Why a begun result must not be gone on with here; empty when it may. */
export function reasonsAgainstResuming(result: LabResult, here: Machine): readonly string[] {
  const reasons: string[] = [];
  const { commit } = result.machine;
  if (here.commit === 'unknown') reasons.push('this is no git repository: nobody can say whether the code is the same');
  else if (commit !== here.commit) {
    reasons.push(`it was begun at commit ${commit}, this is ${here.commit}: one half would be of another build`);
  }
  for (const key of ['cpu', 'kernel', 'node', 'redis'] as const) {
    if (result.machine[key] !== here[key]) reasons.push(`${key} was ${result.machine[key]}, here it is ${here[key]}`);
  }
  return reasons;
}

/** What makes a result as a whole worth less than it seems, whoever made its file. */
export function faultsOfResult(result: LabResult): readonly string[] {
  const faults: string[] = [];
  const commits = new Set(result.arms.flatMap(({ rounds }) => rounds.map(({ commit }) => commit)));
  commits.add(result.machine.commit);
  if (commits.size > 1) faults.push(`rounds come from different commits: ${[...commits].join(', ')}`);
  for (const { arm, rounds } of result.arms) {
    for (const reason of new Set(rounds.flatMap((round) => round.faults))) faults.push(`${labelOf(arm)}: ${reason}`);
  }
  return faults;
}
