// `npm run mutate`: breaks the SDK in one place after the other, and says where no unit test goes red.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.js';
import { EXPLAINED } from './explained.js';
import type { Mutant } from './mutants.js';
import type { Play, Played } from './player.js';
import { ROOT, readSources } from './sources.js';

const USAGE = `npm run mutate -- [options]
  --files <path>     only mutants of files whose path contains it; may be given more than once
  --sample <n>       only so many, chosen by chance
  --seed <n>         of that choice (default 1)
  --only <id>        only this one; may be given more than once
  --runs <n>         sequences of the whole SDK that are played against each (default 100)
  --processes <n>    side by side (default 2)`;

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', multiple: true, default: [] },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '100' },
    processes: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

/** A process that plays, one thing at a time; it is ended with all that it started where it takes too long. */
class Player {
  #child: ChildProcess | undefined;

  constructor() {
    process.once('exit', () => this.end());
  }

  async play(what: Play, limitMs: number, env: NodeJS.ProcessEnv = {}): Promise<Played> {
    this.#child ??= await this.#start(env);
    const child = this.#child;
    child.send(what);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, limitMs, 'late');
    });
    const stop = new AbortController();
    const { signal } = stop;
    const ended = once(child, 'exit', { signal }).then(() => 'ended' as const);
    const first = await Promise.race([once(child, 'message', { signal }), late, ended]);
    clearTimeout(timer);
    stop.abort();
    if (Array.isArray(first)) return first[0] as Played;
    this.end();
    return { mutant: what.mutant, red: `it ${first === 'late' ? 'hangs' : 'ends the process'}`, ms: limitMs };
  }

  async #start(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, 'player.ts'), {
      env: { ...process.env, SDK_RUNS: options.runs, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    await once(child, 'message');
    return child;
  }

  end(): void {
    const child = this.#child;
    this.#child = undefined;
    if (!child?.pid) return;
    child.removeAllListeners();
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Which test files reach each mutant, the quickest first. */
async function reach(): Promise<{ readonly byMutant: ReadonlyMap<number, readonly string[]>; readonly ms: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'mutants-'));
  const notes = join(folder, 'reached');
  const player = new Player();
  try {
    const { red, ms } = await player.play({ files: [] }, 600_000, { FANFARE_REACHED: notes });
    if (red) throw new Error(`red without a mutant: ${red}`);
    const byMutant = new Map<number, string[]>();
    for (const line of readFileSync(notes, 'utf8').trim().split('\n')) {
      const { file, reached } = JSON.parse(line) as { readonly file: string; readonly reached: readonly number[] };
      for (const id of reached) byMutant.set(id, [...(byMutant.get(id) ?? []), file]);
    }
    // The whole SDK takes longest, and finds what the others miss.
    for (const files of byMutant.values()) files.sort((a, b) => Number(/worlds/.test(a)) - Number(/worlds/.test(b)));
    return { byMutant, ms };
  } finally {
    player.end();
    rmSync(folder, { recursive: true });
  }
}

function choose(mutants: readonly Mutant[]): readonly Mutant[] {
  const { files, only, sample, seed } = options;
  const asked = mutants.filter(
    ({ id, file }) =>
      (!files[0] || files.some((part) => file.includes(part))) && (!only[0] || only.includes(String(id))),
  );
  if (!sample) return asked;
  const random = new Random(Number(seed));
  const shuffled = asked.map((mutant) => [random.next(), mutant] as const).toSorted(([a], [b]) => a - b);
  return shuffled.slice(0, Number(sample)).map(([, mutant]) => mutant);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 110);

const explain = ({ file, was, becomes }: Mutant): string | undefined =>
  EXPLAINED.find((one) => one.file === file && one.was === was && one.becomes === becomes)?.why;

/** By file: how many were killed of how many, and how many of the others are explained. */
function report(results: readonly (readonly [Mutant, Played])[]): boolean {
  const byFile = new Map<string, (readonly [Mutant, Played])[]>();
  for (const result of results) byFile.set(result[0].file, [...(byFile.get(result[0].file) ?? []), result]);
  let [all, killed, explained] = [0, 0, 0];
  for (const [file, list] of byFile) {
    const alive = list.filter(([, { red }]) => !red);
    const known = alive.filter(([mutant]) => explain(mutant)).length;
    all += list.length;
    killed += list.length - alive.length;
    explained += known;
    const rate = ((100 * (list.length - alive.length)) / list.length).toFixed(1);
    console.log(
      `mutate: ${file}: ${list.length - alive.length} of ${list.length} killed, ${rate} %, ${known} explained`,
    );
  }
  const rate = (100 * killed) / all;
  console.log(`mutate: ${killed} of ${all} killed, ${rate.toFixed(1)} %; ${explained} of the others are explained`);
  return rate >= 85;
}

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const chosen = choose([...readSources().values()].flatMap(({ mutants }) => mutants));
  const sinceMs = performance.now();
  const { byMutant, ms } = await reach();
  console.log(`mutate: ${chosen.length} mutants; the tests take ${(ms / 1_000).toFixed(1)} s, noting what they reach`);
  const queue = [...chosen];
  const results: (readonly [Mutant, Played])[] = [];
  const work = async () => {
    const player = new Player();
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const files = byMutant.get(mutant.id) ?? [];
      const played = files[0] ? await player.play({ mutant: mutant.id, files }, 10_000 + 2 * ms) : { ms: 0 };
      results.push([mutant, played]);
      const { id, file, line, was, becomes } = mutant;
      const what = `${id} ${file}:${line} ${oneLine(was)} → ${oneLine(becomes) || 'nothing'}`;
      if (played.red) console.log(`killed   ${what} by ${played.red}`);
      else console.log(`SURVIVES ${what} (${files.length} files reach it) ${explain(mutant) ?? ''}`);
    }
    player.end();
  };
  await Promise.all(Array.from({ length: Number(options.processes) }, work));
  const each = (performance.now() - sinceMs) / 1_000 / Math.max(1, chosen.length);
  console.log(`mutate: ${each.toFixed(2)} s each, in ${ROOT}`);
  return report(results) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
