// Where the time of each server goes: what V8's profiler saw of it, added up by function.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisAccounts } from './redis-account.js';
import { built, ROOT } from './root.js';
import type { Kind } from './server-process.js';

/** A profile as node writes it for `--cpu-prof`, as far as it is looked at. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** Specified. */
const TOP = 20;
/** Twice as often as by default, in microseconds. */
const INTERVAL_US = 500;
const IDLE = '(idle)';
const BY_FUNCTION = 'main thread, by function, its own time alone, from start to end';
const BY_COMMAND = 'main thread, by command, its own time alone, as Redis itself counts it (INFO commandstats)';

/** Profiles of servers that are started with {@link flagsFor}; owner of the folder in which they write them down. */
export class Profiles {
  /** Of Redis, where that is what a scenario measures. */
  readonly accounts = new RedisAccounts();
  readonly #folder = mkdtempSync(join(tmpdir(), 'fanfare-profiles-'));
  #count = 0;

  /**
   * Flags with which node profiles one server of that kind, and writes it down when the server ends; it never takes itself for full.
   * The bare loop is killed: none.
   */
  flagsFor(kind: Kind): readonly string[] {
    if (kind === 'bare') return [];
    const name = `${kind}.${this.#count++}.cpuprofile`;
    return [
      '--cpu-prof',
      `--cpu-prof-dir=${this.#folder}`,
      `--cpu-prof-name=${name}`,
      `--cpu-prof-interval=${INTERVAL_US}`,
      ...['--import', built('unmeasured-loop.js').href],
    ];
  }

  /**
   * What those that have ended have said since the last time, by kind, and then what Redis has. Throws where neither has said anything.
   */
  take(scenario: string): string {
    const byKind = new Map<string, CpuProfile[]>();
    for (const name of readdirSync(this.#folder).sort()) {
      const [kind = ''] = name.split('.');
      const path = join(this.#folder, name);
      byKind.set(kind, [...(byKind.get(kind) ?? []), JSON.parse(readFileSync(path, 'utf8')) as CpuProfile]);
      rmSync(path);
    }
    const servers = [...byKind].map(([kind, profiles]) => `${kind}\n${describeProfiles(profiles)}`).join('\n');
    const redis = this.accounts.take();
    const parts = [
      ...(servers === '' ? [] : [`${titleOf('the servers', scenario)}: ${BY_FUNCTION}.\n\n${servers}`]),
      ...(redis === '' ? [] : [`${titleOf('Redis', scenario)}: ${BY_COMMAND}.\n\n${redis}`]),
    ];
    if (parts.length === 0) throw new Error(`no server of ${scenario} has written down where its time went`);
    return parts.join('\n');
  }

  /** Removes the folder. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function titleOf(whose: string, scenario: string): string {
  return `Where the time of ${whose} of "${scenario}" went`;
}

/** The functions that took most of the time in which something was done, a line each with its share. */
export function describeProfiles(profiles: readonly CpuProfile[]): string {
  const spentUs = new Map<string, number>();
  let allUs = 0;
  for (const { nodes, samples, timeDeltas } of profiles) {
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    samples.forEach((id, at) => {
      const name = names.get(id) ?? '(unknown)';
      if (name === IDLE) return;
      // Of what lies between two samples the time before belongs to the one before; with thousands of them that is the same.
      const us = timeDeltas[at] ?? 0;
      spentUs.set(name, (spentUs.get(name) ?? 0) + us);
      allUs += us;
    });
  }
  const top = [...spentUs].sort(([, a], [, b]) => b - a).slice(0, TOP);
  const lines = top.map(([name, us]) => `${((100 * us) / allUs).toFixed(1).padStart(6)} %  ${name}`);
  return `${(allUs / 1e6).toFixed(2).padStart(6)} s  in all\n${lines.join('\n')}\n`;
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${url.replace(ROOT.href, '')}:${lineNumber + 1}`;
}

/** Writes it beside the results. Answers where. */
export function writeProfile(scenario: string, text: string): string {
  const folder = new URL('loadtest/results/profiles/', ROOT);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${scenario}.txt`, folder);
  writeFileSync(file, text);
  return file.pathname;
}
