// Lets servers take turns under the same traffic, each round judged, and makes figures of what they came to.

import { type Budget, type Figure, ratios } from './figures.js';
import { type Lab, quiet } from './lab.js';
import type { Measured, Stage } from './traffic.js';

/** One way of publishing to one server, and what it is held against: the bare loop under the same traffic. */
export interface Runner {
  readonly stage: Stage;
  readonly beside?: Stage;
  readonly budget?: Budget;
}

/** What one way of publishing came to, round by round; `undefined` where the numbers do not count. */
type Rounds = (Measured | undefined)[];

/** Runs A B C … over and over, backwards every other time, and holds each against the bare one of its round. */
export async function interleave(
  lab: Lab,
  what: string,
  runners: readonly Runner[],
  run: (stage: Stage) => Promise<Measured>,
): Promise<readonly Figure[]> {
  const measured = new Map<Stage, Rounds>(runners.map(({ stage }) => [stage, []]));
  for (let round = 0; round < lab.pairs; round += 1) {
    const order = round % 2 === 0 ? runners : [...runners].reverse();
    for (const { stage } of order) {
      await quiet(stage.proc, stage.cast.server);
      const sound = await lab.judge.sound(`${what}, ${stage.name}`, () => run(stage));
      measured.get(stage)?.push(sound);
      if (sound !== undefined) lab.log(`  ${what}: ${stage.name}: ${describe(sound)}`);
    }
  }
  return runners.flatMap(({ stage, beside, budget }) => {
    const rounds = measured.get(stage) ?? [];
    const bare = beside === undefined ? undefined : measured.get(beside);
    return figuresOf(`${what}, ${stage.name}`, rounds, bare, budget);
  });
}

function figuresOf(
  what: string,
  rounds: Rounds,
  bare: Rounds | undefined,
  budget: Budget | undefined,
): readonly Figure[] {
  const rates = rounds.map(perCpuSecond);
  const bareRates = bare?.map(perCpuSecond);
  const p99 = rounds.map((one) => (one?.report.latency?.getValueAtPercentile(99) ?? Number.NaN) / 1000);
  const handfuls = rounds.map((one) =>
    one === undefined ? Number.NaN : one.served / Math.max(1, one.watched.serverSleeps),
  );
  const drivers = rounds.map((one) => (one === undefined ? Number.NaN : driverUs(one)));
  const hasLatency = rounds.some((one) => one?.report.latency !== undefined);
  return [
    ...(bareRates === undefined
      ? []
      : [{ what, values: ratios(rates, bareRates), unit: '× bare', digits: 2, ...(budget ? { budget } : {}) }]),
    { what, values: rates, unit: 'deliveries per CPU-second', digits: 0 },
    { what, values: handfuls, unit: 'deliveries each time that the server wakes up', digits: 1 },
    { what, values: drivers, unit: 'µs of the clients per delivery', digits: 2 },
    ...(hasLatency ? [{ what, values: p99, unit: 'ms p99', digits: 1 }] : []),
  ];
}

function perCpuSecond(measured: Measured | undefined): number {
  return measured === undefined ? Number.NaN : measured.served / measured.watched.server;
}

function driverUs({ watched, served }: Measured): number {
  return (watched.drivers.reduce((sum, seconds) => sum + seconds, 0) / served) * 1e6;
}

function describe({ served, watched, achieved, asked, lag }: Measured): string {
  const percent = (seconds: number): string => `${((seconds / watched.wallSeconds) * 100).toFixed(0)} %`;
  return [
    `${served} deliveries`,
    `${achieved.toFixed(1)} messages/s${asked === undefined ? '' : ` of ${asked}`}`,
    `${((watched.server / served) * 1e6).toFixed(3)} µs each`,
    `${(served / Math.max(1, watched.serverSleeps)).toFixed(1)} a wake-up`,
    `server ${percent(watched.server)}, drivers ${watched.drivers.map(percent).join(' + ')}, Redis ${percent(watched.redis)}`,
    `others ${percent(watched.othersCores * watched.wallSeconds)}, stolen ${percent(watched.stolenCores * watched.wallSeconds)}`,
    ...(lag === undefined ? [] : [`lag p99 ${lag.lagP99Ms.toFixed(1)} max ${lag.lagMaxMs.toFixed(1)} ms`]),
  ].join(', ');
}
