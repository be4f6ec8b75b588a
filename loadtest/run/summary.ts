// What the rounds of an arm come to: the median of each figure with its extremes, and percentiles of all latencies together.

import type { Histogram } from 'hdr-histogram-js';
import { median } from '../figures.js';
import { type Arm, labelOf } from '../plan/arm.js';
import { mergeHistograms } from './histograms.js';
import {
  counts,
  type LabResult,
  type Measurements,
  type RampStep,
  type Round,
  servedOf,
  type TrafficCounts,
} from './result.js';

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly values: readonly number[];
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  /** Which way is better. */
  readonly better: 'more' | 'less';
  readonly of: (round: Round) => number | undefined;
}

const PER_SECOND_US = 1e6;
const KIB = 1_024;

const each = (of: (traffic: TrafficCounts) => number | undefined) => (round: Round) => {
  const { traffic } = round;
  const sum = traffic === undefined ? undefined : of(traffic);
  return sum === undefined || traffic === undefined ? undefined : sum / Math.max(1, servedOf(traffic));
};

function percentile(round: Round, share: number): number | undefined {
  const latency = mergeHistograms([round.traffic?.histogram ?? '']);
  return latency === undefined ? undefined : latency.getValueAtPercentile(share) / 1_000;
}

/** Every figure of a round; those of other kinds of rounds are `undefined`. */
export const METRICS = {
  serverUs: {
    name: 'server CPU',
    unit: 'µs/delivery',
    digits: 2,
    better: 'less',
    of: each((one) => one.server * PER_SECOND_US),
  },
  perCpuSecond: {
    name: 'deliveries per server CPU-second',
    unit: '',
    digits: 0,
    better: 'more',
    of: ({ traffic }) =>
      traffic === undefined || traffic.server <= 0 ? undefined : servedOf(traffic) / traffic.server,
  },
  redisUs: {
    name: 'Redis CPU',
    unit: 'µs/delivery',
    digits: 2,
    better: 'less',
    of: each((one) => one.redis * PER_SECOND_US),
  },
  driversUs: {
    name: 'drivers CPU',
    unit: 'µs/delivery',
    digits: 2,
    better: 'less',
    of: each((one) => one.drivers * PER_SECOND_US),
  },
  p50Ms: { name: 'latency p50', unit: 'ms', digits: 2, better: 'less', of: (round) => percentile(round, 50) },
  p99Ms: { name: 'latency p99', unit: 'ms', digits: 2, better: 'less', of: (round) => percentile(round, 99) },
  bytesDown: { name: 'bytes down', unit: 'B/delivery', digits: 0, better: 'less', of: each((one) => one.bytesDown) },
  bytesUp: { name: 'bytes up', unit: 'B/delivery', digits: 0, better: 'less', of: each((one) => one.bytesUp) },
  wireBytes: { name: 'TCP/IP bytes', unit: 'B/delivery', digits: 0, better: 'less', of: each((one) => one.wireBytes) },
  switches: {
    name: "server's sleeps",
    unit: '/delivery',
    digits: 3,
    better: 'less',
    of: each((one) => one.serverSleeps),
  },
  contextSwitches: {
    name: "server's context switches",
    unit: '/delivery',
    digits: 3,
    better: 'less',
    of: each((one) => one.serverSwitches),
  },
  messagesPerSecond: {
    name: 'messages a second in a flood',
    unit: '',
    digits: 0,
    better: 'more',
    of: ({ traffic }) => (traffic === undefined || traffic.asked !== undefined ? undefined : traffic.achieved),
  },
  clientsPerCpu: {
    name: 'clients served per server CPU-second',
    unit: '',
    digits: 0,
    better: 'more',
    of: ({ storm }) => (storm === undefined || storm.server <= 0 ? undefined : storm.clients / storm.server),
  },
  stormSeconds: {
    name: 'until the last is served',
    unit: 's',
    digits: 2,
    better: 'less',
    of: ({ storm }) => storm?.seconds,
  },
  knee: {
    name: 'deliveries a second at the knee',
    unit: '',
    digits: 0,
    better: 'more',
    of: ({ ramp }) => ramp?.steps.at(-1)?.deliveriesPerSecond,
  },
  linkKiB: {
    name: 'memory per link',
    unit: 'KiB',
    digits: 2,
    better: 'less',
    of: ({ linkBytes }) => (linkBytes === undefined ? undefined : linkBytes / KIB),
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

export interface Summary {
  readonly arm: Arm;
  readonly label: string;
  /** Rounds whose numbers count, of those that were measured. */
  readonly counted: number;
  readonly measured: number;
  readonly spreads: Readonly<Partial<Record<MetricName, Spread>>>;
  /** All latencies of all rounds that count. */
  readonly latency: Histogram | undefined;
  /** Why ramps went no further. */
  readonly ends: readonly string[];
  /** The steps of the last ramp that counts. */
  readonly steps: readonly RampStep[];
  /** What was wrong with rounds that do not count. */
  readonly refused: readonly string[];
  /** What was wrong with the machine in rounds that count nevertheless. */
  readonly marks: readonly string[];
}

export function summarize(result: LabResult): readonly Summary[] {
  return result.arms.map((measurements) => summaryOf(measurements, result.allowBusy));
}

function summaryOf({ arm, rounds }: Measurements, allowBusy: boolean): Summary {
  const counted = rounds.filter((round) => counts(round, allowBusy));
  const spreads: Partial<Record<MetricName, Spread>> = {};
  for (const name of METRIC_NAMES) {
    const values = counted.map((round) => METRICS[name].of(round)).filter((value) => value !== undefined);
    if (values.length > 0) spreads[name] = spreadOf(values);
  }
  const reasons = (some: readonly Round[]) => [
    ...new Set(some.flatMap(({ faults, doubts }) => [...faults, ...doubts])),
  ];
  return {
    arm,
    label: labelOf(arm),
    counted: counted.length,
    measured: rounds.length,
    spreads,
    latency: mergeHistograms(counted.map(({ traffic }) => traffic?.histogram ?? '')),
    ends: [...new Set(counted.flatMap(({ ramp }) => (ramp === undefined ? [] : [ramp.reason])))],
    steps: counted.findLast(({ ramp }) => ramp !== undefined)?.ramp?.steps ?? [],
    refused: reasons(rounds.filter((round) => !counts(round, allowBusy))),
    marks: reasons(counted),
  };
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values), values };
}

export function showSpread({ median: middle, low, high, values }: Spread, digits: number): string {
  const show = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return values.length > 1 ? `${show(middle)} (${show(low)}–${show(high)})` : show(middle);
}
