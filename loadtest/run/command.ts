// The lab's command: makes the plan, begins a result or goes on with one, runs it, and prints what came of it.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinned } from '../affinity.js';
import { INSTRUMENTS, type Instruments } from '../instruments.js';
import { commitWithChanges, describeMachine, type Machine } from '../machine.js';
import { describeComparison } from '../page/compare.js';
import { writeDocs, writeReport } from '../page/files.js';
import { type Arm, type Engine, labelOf, type Plan, planOf, type Scenario } from '../plan/arm.js';
import { FULL, QUICK } from '../plan/built-in.js';
import { readScenarios } from '../plan/scenario-file.js';
import { ROOT } from '../root.js';
import { makeSecrets } from '../server-process.js';
import type { Contender } from './contender.js';
import { CONTENDERS } from './contenders.js';
import { measureArm } from './measure.js';
import { faultsOfResult, type LabResult, readResult, reasonsAgainstResuming, writeResult } from './result.js';
import { run } from './run.js';
import { summarize } from './summary.js';
import { toTextTable } from './text-table.js';

export interface LabFlags {
  readonly quick?: boolean;
  readonly scenarios?: string;
  readonly only?: string;
  readonly rounds?: string;
  readonly list?: boolean;
  readonly out?: string;
  readonly resume?: string;
  readonly report?: string;
  readonly docs?: string;
  readonly compare?: boolean;
  readonly 'allow-busy'?: boolean;
  readonly json?: boolean;
}

/** Chosen: a job of the system's that came by is over by the third time. */
const ATTEMPTS = 3;
const ROUNDS = { full: 5, quick: 2 };
const MOST_ROUNDS = 1_000;
/** Of the two minutes, what is left for the last measurement to end late, and for starting and printing. */
const QUICK_MS = 114_000;

const log = (line: string): void => void process.stderr.write(`${line}\n`);

/** The exit code, or what is wrong with the flags. */
export async function runLab(flags: LabFlags, files: readonly string[] = []): Promise<number | readonly string[]> {
  if (flags.compare) return compare(files);
  if (flags.report !== undefined) return remake('--report', flags.report, writeReport);
  if (flags.docs !== undefined) return remake('--docs', flags.docs, writeDocs);
  if (flags.resume !== undefined) return resume(flags, flags.resume);
  const scenarios = chosenScenarios(flags);
  const rounds = Number(flags.rounds ?? (flags.quick ? ROUNDS.quick : ROUNDS.full));
  const mistakes = 'mistakes' in scenarios ? [...scenarios.mistakes] : [];
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= MOST_ROUNDS)) {
    mistakes.push(`--rounds: expected a whole number from 1 to ${MOST_ROUNDS}, got "${flags.rounds}"`);
  }
  if ('mistakes' in scenarios || mistakes.length > 0) return mistakes;
  const plan = withoutMissing(planOf(scenarios.scenarios), CONTENDERS);
  if (plan.arms.length === 0) return ['nothing is left to measure:', ...plan.leftOut];
  if (flags.list) return list(plan);
  const result = begin(plan, { rounds, allowBusy: flags['allow-busy'] ?? false, machine: machineHere() });
  return measureAll(result, flags, flags.out ?? defaultPath(result));
}

function compare(paths: readonly string[]): number | readonly string[] {
  const [one, other] = paths.map(readOrTell);
  if (one === undefined || other === undefined || paths.length !== 2) return ['--compare: expected two results'];
  const mistakes = [one, other].filter((read) => typeof read === 'string');
  if (typeof one === 'string' || typeof other === 'string') return mistakes.map((mistake) => `--compare: ${mistake}`);
  process.stdout.write(`${describeComparison(one, other)}\n`);
  return 0;
}

function remake(
  flag: string,
  path: string,
  write: (result: LabResult, path: string) => readonly string[],
): number | readonly string[] {
  const result = readOrTell(path);
  if (typeof result === 'string') return [`${flag}: ${result}`];
  try {
    process.stdout.write(`${write(result, path).join('\n')}\n`);
    return 0;
  } catch (error) {
    return [`${flag}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** The result, or why there is none. */
function readOrTell(path: string): LabResult | string {
  if (!existsSync(path)) return `there is no ${path}`;
  try {
    return readResult(path);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function resume(flags: LabFlags, path: string): Promise<number | readonly string[]> {
  for (const other of ['quick', 'scenarios', 'only', 'rounds', 'list', 'out'] as const) {
    if (flags[other] !== undefined) return [`--resume goes on with what was begun: --${other} has no place beside it`];
  }
  const result = readOrTell(path);
  if (typeof result === 'string') return [`--resume: ${result}`];
  const reasons = reasonsAgainstResuming(result, machineHere());
  if (reasons.length > 0) return reasons.map((reason) => `--resume: ${path} cannot be gone on with: ${reason}`);
  return measureAll(result, flags, path);
}

function chosenScenarios({ scenarios: path, quick, only }: LabFlags) {
  let all: readonly Scenario[] = quick ? QUICK : FULL;
  if (path !== undefined) {
    if (quick) return { mistakes: ['--quick has a table of its own: --scenarios has no place beside it'] };
    if (!existsSync(path)) return { mistakes: [`--scenarios: there is no ${path}`] };
    const read = readScenarios(readFileSync(path, 'utf8'), path);
    if ('mistakes' in read) return read;
    all = read.scenarios;
  }
  if (only === undefined) return { scenarios: all };
  const names = only.split(',');
  const known = all.map(({ name }) => name);
  const mistakes = names
    .filter((name) => !known.includes(name))
    .map((name) => `--only: there is no scenario "${name}", there are ${known.join(', ')}`);
  return mistakes.length > 0 ? { mistakes } : { scenarios: all.filter(({ name }) => names.includes(name)) };
}

/** A server that this machine has not is told, once, and not measured. */
export function withoutMissing(plan: Plan, contenders: Readonly<Record<Engine, Pick<Contender, 'missing'>>>): Plan {
  const reasons = new Map<string, string | undefined>();
  const told = new Set<string>();
  const arms = plan.arms.filter(({ engine, broker }) => {
    const key = `${engine} ${broker}`;
    if (!reasons.has(key)) reasons.set(key, contenders[engine].missing(broker));
    const reason = reasons.get(key);
    if (reason !== undefined) told.add(`MISSING: ${engine}: ${reason}`);
    return reason === undefined;
  });
  return { arms, leftOut: [...plan.leftOut, ...told] };
}

function list({ arms, leftOut }: Plan): number {
  process.stdout.write(`${[...arms.map(labelOf), ...leftOut.map((reason) => `left out: ${reason}`)].join('\n')}\n`);
  return 0;
}

function machineHere(): Machine {
  return { ...describeMachine(), commit: commitWithChanges() };
}

export function begin(
  { arms, leftOut }: Plan,
  { rounds, allowBusy, machine }: Pick<LabResult, 'rounds' | 'allowBusy' | 'machine'>,
): LabResult {
  const engines = [...new Set(arms.map(({ engine }) => engine))];
  return {
    format: 'fanfare-lab-1',
    begun: new Date().toISOString(),
    command: commandLine(process.argv.slice(2)),
    machine,
    rounds,
    allowBusy,
    arms: arms.map((arm) => ({ arm, rounds: [] })),
    leftOut,
    configurations: Object.fromEntries(engines.map((engine) => [engine, CONTENDERS[engine].configuration()])),
  };
}

function defaultPath({ begun, machine }: LabResult): string {
  const name = `lab-${begun.slice(0, 19).replaceAll(':', '')}-${machine.commit}.json`;
  return relative('.', join(fileURLToPath(ROOT), 'loadtest/results', name));
}

async function measureAll(begun: LabResult, flags: LabFlags, path: string): Promise<number> {
  mkdirSync(dirname(path), { recursive: true });
  writeResult(path, begun);
  for (const reason of begun.leftOut) log(`left out: ${reason}`);
  const ending = (): void => log(`interrupted; go on with: npm run loadtest -- --resume ${path}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.prependOnceListener(signal, ending);
  // Before any process of clients is started.
  pinned();
  const quick = flags.quick === true;
  const result = await run(begun, {
    measure: measureWith(INSTRUMENTS, quick ? 1 : ATTEMPTS),
    save: (so) => writeResult(path, so),
    log,
    ...(quick ? { untilMs: performance.now() + QUICK_MS } : {}),
    commit: begun.machine.commit,
  });
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 1)}\n` : `${toTextTable(result)}\n`);
  log(`written: ${[path, ...writeReport(result, path)].join(', ')}`);
  return exitCodeOf(result);
}

/** Secrets are made once: tickets of one server are good at the next. */
export function measureWith(instruments: Instruments, attempts: number) {
  const secrets = makeSecrets();
  return (arm: Arm) => measureArm(CONTENDERS[arm.engine], { arm, secrets, instruments }, attempts);
}

/** 0: every line has figures, and nothing is wrong with any. */
export function exitCodeOf(result: LabResult): number {
  const isWhole = summarize(result).every(({ counted }) => counted > 0);
  return isWhole && faultsOfResult(result).length === 0 ? 0 : 1;
}

/** As anybody would type it: where the result went is nobody else's. */
function commandLine(args: readonly string[]): string {
  const isPlace = (at: number) => args[at] === '--out' || args[at - 1] === '--out' || args[at]?.startsWith('--out=');
  return ['npm run loadtest --', ...args.filter((_, at) => !isPlace(at))].join(' ');
}
