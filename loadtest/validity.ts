// Says what makes a window's numbers worthless: messages that went astray, a driver or a machine that was busy, a rate that was not kept.

import type { Lag } from './loop-lag.js';
import type { Watched } from './watch.js';

/** The thresholds. All are chosen; docs/PERFORMANCE.md says why. */
export const LIMITS = {
  /** A publisher that does less than this share of the rate it was asked for did not make the load that the row names. */
  leastOfRate: 0.98,
  /** Share of a processor that the busiest driver may use: beyond it clients wait for their own process. */
  driverShare: 0.9,
  /** Share of a processor that the server may use where a rate is kept: beyond it answers come late and together, and cost less each. */
  serverShare: 0.92,
  /** How late a driver's event loop may be, at the 99th percentile, where latency counts. */
  lagP99Ms: 40,
  /** Processors that the hypervisor may take. */
  stolenCores: 0.02,
  /** Processors that other programs may keep busy. */
  othersCores: 0.15,
} as const;

/** What is needed to judge the messages of a window. */
export interface Traffic {
  readonly expected: number;
  readonly report: {
    readonly lost: number;
    readonly repeated: number;
    readonly disordered: number;
    readonly ended: number;
    readonly surprises: number;
    readonly surprise: string;
  };
  /** Messages per second, where a rate was asked for. */
  readonly asked?: number;
  readonly achieved: number;
}

/** What is needed to judge the instrument and the machine meanwhile. */
export interface Conditions {
  readonly watched: Watched;
  /** The latest event loop among the drivers; absent where no latency is told. */
  readonly lag?: Lag;
  /** Messages per second, where a rate was asked for. */
  readonly asked?: number;
}

/** What is wrong with the messages or the load. No quiet moment mends it, and nothing excuses it. */
export function faultsOf(window: Traffic): readonly string[] {
  const { report, asked, achieved } = window;
  const faults: string[] = [];
  if (report.lost > 0) faults.push(`${report.lost} of ${window.expected} deliveries were lost`);
  if (report.repeated > 0) faults.push(`${report.repeated} deliveries were repeated`);
  if (report.disordered > 0) faults.push(`${report.disordered} deliveries were out of order`);
  if (report.ended > 0) faults.push(`${report.ended} links ended`);
  if (report.surprises > 0) faults.push(`${report.surprises} surprises, the first: ${report.surprise}`);
  if (asked !== undefined && achieved < asked * LIMITS.leastOfRate) {
    const share = ((achieved / asked) * 100).toFixed(1);
    faults.push(
      `${achieved.toFixed(1)} messages/s instead of ${asked} (${share} %, at least ${LIMITS.leastOfRate * 100} % is asked for)`,
    );
  }
  return faults;
}

/** What was wrong with the instrument or the machine meanwhile: the numbers may be those of something else. */
export function doubtsOf(conditions: Conditions): readonly string[] {
  return [...limitsOf(conditions), ...disturbancesOf(conditions)];
}

/** Who in the run had no more to give: the server, or a driver. */
export function limitsOf({ watched, lag, asked }: Conditions): readonly string[] {
  const doubts: string[] = [];
  const share = Math.max(...watched.drivers) / watched.wallSeconds;
  if (share > LIMITS.driverShare) {
    doubts.push(
      `a driver was saturated: it used ${percent(share)} of a processor (at most ${percent(LIMITS.driverShare)})`,
    );
  }
  const served = watched.server / watched.wallSeconds;
  if (asked !== undefined && served > LIMITS.serverShare) {
    doubts.push(
      `the server was saturated: it used ${percent(served)} of a processor (at most ${percent(LIMITS.serverShare)} where a rate is kept)`,
    );
  }
  if (lag !== undefined && lag.lagP99Ms > LIMITS.lagP99Ms) {
    doubts.push(
      `a driver was late: its event loop by ${lag.lagP99Ms.toFixed(0)} ms at p99 (at most ${LIMITS.lagP99Ms})`,
    );
  }
  return doubts;
}

/** What else the machine did meanwhile. */
export function disturbancesOf({ watched }: Pick<Conditions, 'watched'>): readonly string[] {
  const doubts: string[] = [];
  if (watched.stolenCores > LIMITS.stolenCores) {
    doubts.push(
      `the hypervisor took ${percent(watched.stolenCores)} of a processor (at most ${percent(LIMITS.stolenCores)})`,
    );
  }
  if (watched.othersCores > LIMITS.othersCores) {
    doubts.push(
      `the machine was busy: others used ${percent(watched.othersCores)} of a processor (at most ${percent(LIMITS.othersCores)})`,
    );
  }
  return doubts;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
