// A ramp: the rate rises step by step until something gives, and what gave is told.

import { quiet } from '../lab.js';
import { pace, type Stage } from '../traffic.js';
import { disturbancesOf, faultsOf, limitsOf } from '../validity.js';
import type { Conditions } from './contender.js';
import { crowdOf, type Ground, stageOf } from './ground.js';
import type { Outcome, RampStep } from './result.js';

/** Deliveries a second of the first step. */
const FIRST = 2_000;
const GROWTH = 1.5;
/** From 2,000 deliveries a second to some 15 million. */
const MOST_STEPS = 24;
/** Chosen: later than this, a message is late to people. */
const LATEST_P99_MS = 250;
const LINGER_MS = 300;

/** The step that gives is tried once more, so that no passing job of the system's ends a ramp. */
export async function ramp(ground: Ground, { arm, instruments: { proc } }: Conditions): Promise<Outcome> {
  const { fleet, opened } = ground;
  await fleet.open({ ...crowdOf(opened, arm), count: arm.links });
  await quiet(proc, opened.pid);
  const stage = stageOf(ground, arm, proc);
  const steps: RampStep[] = [];
  const doubts = new Set<string>();
  let perSecond = Math.max(1, FIRST / stage.deliveriesPerMessage);
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const first = await climb(stage, perSecond, arm.seconds);
    const tried = first.reason === undefined ? first : await climb(stage, perSecond, arm.seconds);
    for (const doubt of tried.disturbances) doubts.add(doubt);
    if (tried.reason !== undefined)
      return endOf(steps, [...doubts], `at ${perSecond.toFixed(1)} messages a second: ${tried.reason}`);
    steps.push(tried.step);
    perSecond *= GROWTH;
  }
  return endOf(steps, [...doubts], `nothing gave in ${MOST_STEPS} steps`);
}

/** `doubts`: what else the machine did. It ends no ramp, but figures do not count where it did. */
function endOf(steps: readonly RampStep[], doubts: readonly string[], reason: string): Outcome {
  // A ramp that never began says nothing of the server.
  const faults = steps.length === 0 ? [`the ramp did not begin: ${reason}`] : [];
  return { faults, doubts, ramp: { steps, reason } };
}

async function climb(stage: Stage, perSecond: number, seconds: number) {
  const measured = await pace(stage, { perSecond, seconds, latency: true, lingerMs: LINGER_MS });
  const { report, watched, served } = measured;
  const p99Ms = (report.latency?.getValueAtPercentile(99) ?? 0) / 1_000;
  const late = p99Ms > LATEST_P99_MS ? [`p99 was ${p99Ms.toFixed(0)} ms (at most ${LATEST_P99_MS})`] : [];
  const [reason] = [...faultsOf(measured), ...limitsOf(measured), ...late];
  const step: RampStep = {
    perSecond,
    deliveriesPerSecond: served / watched.wallSeconds,
    serverShare: watched.server / watched.wallSeconds,
    p99Ms,
  };
  return { step, reason, disturbances: disturbancesOf(measured) };
}
