// Measures an arm once: a fresh server, its crowd, a warm-up, and a window; or what idle links take.

import { residentBytes } from '../cpu-time.js';
import { Fleet } from '../fleet.js';
import { pause, quiet } from '../lab.js';
import type { Arm } from '../plan/arm.js';
import { settledMemory } from '../scenarios/settled-memory.js';
import { flood, type Measured, pace, type Stage } from '../traffic.js';
import { doubtsOf, faultsOf } from '../validity.js';
import type { Conditions, Contender } from './contender.js';
import { opening } from './contender.js';
import { crowdOf, type Ground, stageOf } from './ground.js';
import { encodeHistogram } from './histograms.js';
import { ramp } from './ramp.js';
import type { Outcome, TrafficCounts } from './result.js';
import { connects, returns } from './storms.js';

/** A process may not open more than 20,000 files in many places. */
const LINKS_PER_WORKER = 10_000;
const LINGER_MS = 300;
/** Code runs slowly until it has run a few thousand times, and what serves people has. */
const WARM_UP_SECONDS = 2;
const WARM_UP_RATE = 10;
/** Short polls come seldom: others come often first. */
const WARM_UP_POLLERS = { count: 100, pollEveryMs: 20 } as const;
const WARM_UP_BURSTS = 10;
/** Of the links whose memory is told, those that come first and pay for what all share. */
const FIRST_SHARE = 0.2;
const SETTLE_MS = 1_000;
const SETTLES = 2;

/** `attempts`: how often a window is tried while the machine is busy. */
export async function measureArm(contender: Contender, conditions: Conditions, attempts: number): Promise<Outcome> {
  const { arm, instruments } = conditions;
  const ground = await opening(async (later) => {
    const fleet = new Fleet(Math.ceil(arm.links / LINKS_PER_WORKER), instruments.driverFlags);
    later(() => fleet.close());
    if (arm.rate === 'idle') await takeTickets(contender, conditions, fleet);
    const slow = arm.slow > 0 ? new Fleet(1, instruments.driverFlags) : undefined;
    later(() => slow?.close());
    const opened = await contender.open(conditions);
    later(() => opened.close());
    return { fleet, opened, ...(slow === undefined ? {} : { slow }) };
  });
  try {
    switch (arm.rate) {
      case 'idle':
        return await memory(ground, conditions);
      case 'connects':
        return await connects(ground, conditions);
      case 'returns':
        return await returns(ground, conditions);
      case 'ramp':
        return await ramp(ground, conditions);
      default:
        return await traffic(ground, conditions, attempts);
    }
  } finally {
    await ground.close();
  }
}

/** From another server with the same secrets: what making them leaves behind would hide what links take. */
async function takeTickets(contender: Contender, conditions: Conditions, fleet: Fleet): Promise<void> {
  const opened = await contender.open(conditions);
  try {
    if (opened.secret !== undefined)
      await fleet.prepare({ ...crowdOf(opened, conditions.arm), count: conditions.arm.links });
  } finally {
    await opened.close();
  }
}

async function memory({ fleet, opened }: Ground, { arm, instruments: { proc } }: Conditions): Promise<Outcome> {
  const few = Math.max(1, Math.round(arm.links * FIRST_SHARE));
  const settled = async (): Promise<number> => {
    if (opened.collects) return settledMemory(proc, opened.pid);
    for (let time = 0; time < SETTLES; time += 1) {
      await quiet(proc, opened.pid);
      await pause(SETTLE_MS);
    }
    return residentBytes(proc, opened.pid);
  };
  await fleet.open({ ...crowdOf(opened, arm), count: few });
  const before = await settled();
  await fleet.open({ ...crowdOf(opened, arm), count: arm.links - few });
  return { faults: [], doubts: [], linkBytes: ((await settled()) - before) / Math.max(1, arm.links - few) };
}

async function traffic(ground: Ground, { arm, instruments }: Conditions, attempts: number): Promise<Outcome> {
  const { fleet, opened, slow } = ground;
  if (arm.transport === 'short-poll') await warmUpByPolls(opened, arm, instruments.driverFlags);
  await fleet.open({ ...crowdOf(opened, arm), count: arm.links - arm.slow });
  await slow?.open({ ...crowdOf(opened, arm), count: arm.slow, readBadly: true });
  await quiet(instruments.proc, opened.pid);
  const run = await warmedUp(stageOf(ground, arm, instruments.proc), arm);
  for (let attempt = 1; ; attempt += 1) {
    const measured = await run();
    const faults = faultsOf(measured);
    const doubts = doubtsOf(measured);
    if (faults.length > 0 || doubts.length === 0 || attempt >= attempts) {
      return { faults, doubts, traffic: countsOf(measured) };
    }
  }
}

async function warmUpByPolls(
  opened: Ground['opened'],
  arm: Arm,
  flags: Conditions['instruments']['driverFlags'],
): Promise<void> {
  const pollers = new Fleet(1, flags);
  try {
    await pollers.open({ ...crowdOf(opened, arm), ...WARM_UP_POLLERS });
    await pause(Math.min(arm.seconds, WARM_UP_SECONDS) * 1_000);
  } finally {
    await pollers.close();
  }
}

/** Warms the server up, and answers what runs a window of about as many seconds as the arm asks for. */
async function warmedUp(stage: Stage, arm: Arm): Promise<() => Promise<Measured>> {
  const { batch, seconds } = arm;
  if (arm.rate === 'flood') {
    const { watched } = await flood(stage, { messages: WARM_UP_BURSTS * batch, batch });
    const bursts = Math.max(WARM_UP_BURSTS, Math.round((seconds / watched.wallSeconds) * WARM_UP_BURSTS));
    return () => flood(stage, { messages: bursts * batch, batch });
  }
  const lingerMs = LINGER_MS + arm.pollEvery;
  const rhythm = { perSecond: Number(arm.rate), latency: true, lingerMs, batch };
  const perSecond = Math.max(rhythm.perSecond, WARM_UP_RATE);
  await pace(stage, { ...rhythm, perSecond, seconds: Math.min(seconds, WARM_UP_SECONDS) });
  return () => pace(stage, { ...rhythm, leadMs: arm.pollEvery, seconds });
}

function countsOf({
  messages,
  expected,
  served,
  asked,
  achieved,
  watched,
  lag,
  report,
  wire,
}: Measured): TrafficCounts {
  const { deliveries, lost, repeated, disordered, bytesIn, bytesOut, polls } = report;
  return {
    ...{ messages, expected, deliveries, served, lost, repeated, disordered },
    ...(asked === undefined ? {} : { asked }),
    achieved,
    wallSeconds: watched.wallSeconds,
    server: watched.server,
    redis: watched.redis,
    drivers: watched.drivers.reduce((sum, seconds) => sum + seconds, 0),
    serverSleeps: watched.serverSleeps,
    serverSwitches: watched.serverSwitches,
    bytesDown: bytesIn,
    bytesUp: bytesOut,
    ...(wire === undefined ? {} : { wireBytes: wire.bytes, wireSegments: wire.segments }),
    polls,
    lagP99Ms: lag?.lagP99Ms ?? 0,
    histogram: encodeHistogram(report.latency),
  };
}
