// Fanfare beside its peers, line by line: by how much it is ahead or behind, and where a peer wins.

import { type Arm, type Engine, isFanfare } from '../plan/arm.js';
import { METRICS, type MetricName, type Spread, type Summary } from './summary.js';

/** What servers are held against each other by. */
export const HELD_BY: readonly MetricName[] = [
  'perCpuSecond',
  'p99Ms',
  'wireBytes',
  'clientsPerCpu',
  'knee',
  'linkKiB',
];

export interface Rival {
  readonly scenario: string;
  /** What both were measured under. */
  readonly where: string;
  readonly metric: MetricName;
  /** Its engine, and whether its clients had the messages of a tick in one frame. */
  readonly fanfare: string;
  readonly peer: Engine;
  /** How many times as good Fanfare is; below 1: the peer is better. */
  readonly ratio: number;
  /** The rounds of one lie apart from those of the other. */
  readonly isApart: boolean;
  /** Of the one that has fewer. */
  readonly rounds: number;
}

/** The better engine of Fanfare beside each peer, under the same traffic. */
export function rivalsIn(summaries: readonly Summary[]): readonly Rival[] {
  const groups = new Map<string, Summary[]>();
  for (const summary of summaries) {
    const key = `${summary.arm.scenario} ${whereOf(summary.arm)}`;
    groups.set(key, [...(groups.get(key) ?? []), summary]);
  }
  return [...groups.values()].flatMap((group) => HELD_BY.flatMap((metric) => rivalsBy(metric, group)));
}

function rivalsBy(metric: MetricName, group: readonly Summary[]): readonly Rival[] {
  const isMore = METRICS[metric].better === 'more';
  const told = group.flatMap(({ arm, spreads }) => {
    const spread = spreads[metric];
    return spread === undefined ? [] : [{ arm, spread }];
  });
  const [best] = told
    .filter(({ arm }) => isFanfare(arm.engine))
    .sort((a, b) => (isMore ? b.spread.median - a.spread.median : a.spread.median - b.spread.median));
  if (best === undefined) return [];
  return told
    .filter(({ arm }) => !isFanfare(arm.engine))
    .map(({ arm, spread }) => ({
      scenario: arm.scenario,
      where: whereOf(arm),
      metric,
      fanfare: best.arm.joins ? `${best.arm.engine}, joined` : best.arm.engine,
      peer: arm.engine,
      ratio: isMore ? best.spread.median / spread.median : spread.median / best.spread.median,
      isApart: areApart(best.spread, spread),
      rounds: Math.min(best.spread.values.length, spread.values.length),
    }));
}

/** In words, the peers that are ahead of the better Fanfare by more than their rounds differ; a line for each figure. */
export function winsOfPeers(summaries: readonly Summary[]): readonly string[] {
  const wins = new Map<string, string[]>();
  for (const { scenario, where, metric, fanfare, peer, ratio, isApart, rounds } of rivalsIn(summaries)) {
    if (ratio >= 1 || !isApart) continue;
    const verb = rounds < LEAST_ROUNDS ? 'a peer may win, by a single round' : 'a peer wins';
    const line = `${verb}: ${scenario} · ${where}: ${METRICS[metric].name}, times as good as ${fanfare}: `;
    wins.set(line, [...(wins.get(line) ?? []), `${peer} ${(1 / ratio).toFixed(2)}`]);
  }
  return [...wins].map(([line, peers]) => `${line}${peers.join(', ')}`);
}

/** Chosen: with one round nobody knows what rounds differ by. */
const LEAST_ROUNDS = 2;

function areApart(one: Spread, other: Spread): boolean {
  return one.low > other.high || other.low > one.high;
}

/** All that makes an arm another, but its server, what is behind it and how it frames. */
function whereOf({ transport, links, channels, slow, rate, payload, batch, pollEvery }: Arm): string {
  return [
    transport === 'short-poll' ? `short-poll ${pollEvery} ms` : transport,
    `${links} links on ${channels}${slow > 0 ? `, ${slow} read badly` : ''}`,
    rate === 'idle' || rate === 'connects'
      ? rate
      : `${typeof rate === 'number' ? `${rate}/s` : rate} × ${payload} B${batch > 1 ? ` by ${batch}` : ''}`,
  ].join(' · ');
}
