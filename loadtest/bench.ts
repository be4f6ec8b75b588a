// `npm run bench`: measures the budgets beside the bare loop and writes docs/PERFORMANCE.md, or holds two builds against each other.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinned } from './affinity.js';
import { compareWith, describeOutcomes, exitCodeOf } from './against/against.js';
import { LEAST_PAIRS } from './against/median-ratio.js';
import { SCENARIOS as COMPARED } from './against/scenarios.js';
import { CHECKED, check } from './check/check.js';
import { CURVES, drawCurves, REPETITIONS } from './curves/command.js';
import { type CurvesResult, readCurves } from './curves/result.js';
import type { Figure } from './figures.js';
import { INSTRUMENTS, type Instruments } from './instruments.js';
import { ATTEMPTS, Judge } from './judge.js';
import type { Lab } from './lab.js';
import { describeMachine } from './machine.js';
import { toMarkdown } from './performance-page.js';
import { Profiles, writeProfile } from './profiles.js';
import { exitCode, type Result, toText } from './report.js';
import { ROOT } from './root.js';
import { connectStorm, idleMemory } from './scenarios/connections.js';
import { bursts, joinedFrames, longPolls, ownChannels, sharedChannel } from './scenarios/fan-out.js';
import { idleLinks } from './scenarios/idle.js';
import { publishLatency } from './scenarios/latency.js';
import { publishesPerRedisSecond } from './scenarios/publishes.js';
import { resumeOneOffset } from './scenarios/resume.js';
import { reconnectStorm } from './scenarios/storm.js';
import { makeSecrets } from './server-process.js';

const SCENARIOS: Readonly<Record<string, (lab: Lab) => Promise<readonly Figure[]>>> = {
  shared: sharedChannel,
  joined: joinedFrames,
  own: ownChannels,
  bursts,
  polls: longPolls,
  memory: idleMemory,
  connects: connectStorm,
  idle: idleLinks,
  latency: publishLatency,
  storm: reconnectStorm,
  resume: resumeOneOffset,
  publishes: publishesPerRedisSecond,
};

const USAGE = `Usage: npm run bench -- [options]

  --quick             3 rounds instead of 7, nothing is written
  --only <names>      only these scenarios, nothing is written: ${Object.keys(SCENARIOS).join(',')}
  --profile           instead: one round, and a profile of each scenario's servers, or Redis' account, beside the results, as text
  --allow-busy        figures of a busy machine or driver pass, marked; nothing is written

  --check             instead: says which ratios have moved since the kept result; --only ${CHECKED.join(',')} unless others are named
  --beside <file>     another kept result than loadtest/results/latest.json
  --curves [names]    instead: what things cost against how many there are, for the page: ${Object.keys(CURVES).join(',')}
                      (with --quick: the smallest points of each once, nothing is written)

  --against <commit>  instead: this build and that of a commit take turns, and anything worse fails
  --pairs <n>         how often they do, at least ${LEAST_PAIRS} (15)
  --scenario <names>  in these only: ${Object.keys(COMPARED).join(',')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    check: { type: 'boolean', default: false },
    beside: { type: 'string' },
    profile: { type: 'boolean', default: false },
    curves: { type: 'boolean', default: false },
    'allow-busy': { type: 'boolean', default: false },
    against: { type: 'string' },
    pairs: { type: 'string', default: '15' },
    scenario: { type: 'string', default: Object.keys(COMPARED).join(',') },
    help: { type: 'boolean', default: false },
  },
});
// Whoever ends early takes servers and folders along, as ending does.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

function main(): Promise<number> | number {
  const { names, known, what } = asked();
  const pairs = Number(values.pairs);
  const mistakes = names.filter((name) => !Object.hasOwn(known, name)).map((name) => `no such ${what}: ${name}`);
  mistakes.push(...positionals.slice(values.curves ? 1 : 0).map((word) => `unexpected: ${word}`));
  if (values.curves && (values.profile || values.check || values.against !== undefined))
    mistakes.push('--curves: not with --profile, --check or --against');
  if (values.profile && values.against !== undefined) mistakes.push('--profile: not with --against');
  if (values.check && (values.profile || values.against !== undefined))
    mistakes.push('--check: not with --profile or --against');
  if (values.beside !== undefined && !values.check) mistakes.push('--beside: with --check alone');
  if (!(Number.isInteger(pairs) && pairs >= LEAST_PAIRS)) mistakes.push(`--pairs: at least ${LEAST_PAIRS}`);
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (mistakes.length > 0) {
    process.stderr.write(`${mistakes.join('\n')}\n\n${USAGE}`);
    return 64;
  }
  // Before any process of clients is started.
  pinned();
  if (values.curves) return curves(names);
  if (values.profile) return profile(names);
  if (values.check) {
    const path = values.beside ?? fileURLToPath(new URL('loadtest/results/latest.json', ROOT));
    const lab = openLab(values.quick ? 3 : 7);
    return check(
      lab,
      names,
      path,
      (name) => measured(name, lab),
      (text) => void process.stdout.write(`${text}\n`),
    );
  }
  return values.against === undefined ? bench(names) : against(values.against, names, pairs);
}

/** What is to be measured, and out of what. */
function asked(): { names: readonly string[]; known: Readonly<Record<string, unknown>>; what: string } {
  if (values.curves) {
    const [names = Object.keys(CURVES).join(',')] = positionals;
    return { names: names.split(','), known: CURVES, what: 'curve' };
  }
  if (values.against === undefined) {
    const names = values.only?.split(',') ?? (values.check ? CHECKED : Object.keys(SCENARIOS));
    return { names, known: SCENARIOS, what: 'scenario' };
  }
  return { names: values.scenario.split(','), known: COMPARED, what: 'scenario' };
}

function curves(names: readonly string[]): Promise<number> {
  const { quick, 'allow-busy': allowBusy } = values;
  return drawCurves(openLab(quick ? 1 : REPETITIONS), { names, quick, allowBusy });
}

async function profile(names: readonly string[]): Promise<number> {
  const profiles = new Profiles();
  const instruments: Instruments = {
    ...INSTRUMENTS,
    serverFlags: (kind) => profiles.flagsFor(kind),
    redisWork: (what, redis, work) => profiles.accounts.of(what, redis, work),
  };
  try {
    for (const name of names) {
      // Where the time goes is the same on a busy machine.
      await SCENARIOS[name]?.({ ...openLab(1, true), instruments });
      process.stderr.write(`written: ${writeProfile(name, profiles.take(name))}\n`);
    }
    return 0;
  } finally {
    profiles.close();
  }
}

async function against(commit: string, names: readonly string[], pairs: number): Promise<number> {
  const lab = openLab(pairs);
  const outcomes = await compareWith(lab, commit, names);
  process.stdout.write(`${describeOutcomes(outcomes, lab)}\n`);
  return exitCodeOf(outcomes);
}

async function bench(names: readonly string[]): Promise<number> {
  // Before anything is measured, since the page is made of them too.
  const { result: drawn, mistake } = readCurves();
  if (mistake !== undefined) {
    process.stderr.write(`${mistake}\n`);
    return 64;
  }
  const lab = openLab(values.quick ? 3 : 7);
  const figures: Figure[] = [];
  for (const name of names) figures.push(...(await measured(name, lab)));
  const result: Result = {
    date: new Date().toISOString().slice(0, 10),
    command: 'npm run bench',
    machine: describeMachine(),
    pairs: lab.pairs,
    figures,
    faults: lab.judge.faults,
    marks: lab.judge.marks,
  };
  process.stdout.write(`${toText(result)}\n`);
  const isWhole = !values.quick && names.length === Object.keys(SCENARIOS).length;
  if (isWhole && !values['allow-busy'] && result.faults.length === 0) write(result, drawn);
  return exitCode(result);
}

/** The figures of one scenario. */
async function measured(name: string, lab: Lab): Promise<readonly Figure[]> {
  const figures = (await SCENARIOS[name]?.(lab)) ?? [];
  return figures.map((figure) => ({ ...figure, scenario: name }));
}

function openLab(pairs: number, allowBusy = values['allow-busy']): Lab {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const judge = new Judge({ allowBusy, attempts: ATTEMPTS, log });
  return { instruments: INSTRUMENTS, judge, secrets: makeSecrets(), pairs, log };
}

function write(result: Result, drawn: CurvesResult | undefined): void {
  const results = new URL('loadtest/results/', ROOT);
  mkdirSync(results, { recursive: true });
  const json = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(new URL('latest.json', results), json);
  writeFileSync(new URL(`${result.date}-${result.machine.commit}.json`, results), json);
  writeFileSync(new URL('docs/PERFORMANCE.md', ROOT), toMarkdown(result, drawn));
  process.stderr.write(`written: ${fileURLToPath(new URL('docs/PERFORMANCE.md', ROOT))}\n`);
}
