// Fan-out over WebSocket beside the bare loop: flooded, paced, and one channel per client.

import { type Budget, type Figure, least, ratios } from '../figures.js';
import { type Crowd, check, type Kind, type Lab, type OpenStage, openStage, quiet } from '../lab.js';
import { flood, type Measured, pace, type Stage } from '../traffic.js';

const CLIENTS = 1_000;
const PAYLOAD_BYTES = 128;
const FLOOD = { messages: 7_680, batch: 64, window: 256 }; // chosen: over a second of CPU on the bare loop
const WARM_UP = { ...FLOOD, messages: 1_280 };
const OWN = { messages: 256_000, batch: 64, window: 512 }; // 256 messages on each of 1,000 channels
const PACE = { perSecond: 50, seconds: 5, latency: true, lingerMs: 300 };

/** One way of publishing to one server, and what it is held against: the bare loop under the same traffic. */
interface Runner {
  readonly stage: Stage;
  readonly beside?: Stage;
  readonly budget?: Budget;
}

/** 1 channel × 1,000 WebSockets, flooded and paced. */
export async function sharedChannel(lab: Lab): Promise<readonly Figure[]> {
  const crowd: Crowd = { clients: CLIENTS, spread: 'shared', transport: 'websocket', payloadBytes: PAYLOAD_BYTES };
  return withStages(lab, ['bare', 'uws', 'ws'], crowd, async ([bare, uws, ws]) => {
    const flooded: readonly Runner[] = [
      { stage: bare.live },
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: least(0.8, 0.85) },
      { stage: uws.live, beside: bare.live },
      { stage: ws.logged, beside: bare.logged, budget: least(0.6) },
      { stage: ws.live, beside: bare.live },
    ];
    const paced: readonly Runner[] = [
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: least(0.9) },
      { stage: ws.logged, beside: bare.logged },
    ];
    for (const { stage } of flooded) await flood(stage, WARM_UP);
    const what = `${CLIENTS} WebSockets on 1 channel`;
    return [
      ...(await interleave(lab, `${what}, flooded`, flooded, 0.5, (stage) => flood(stage, FLOOD))),
      ...(await interleave(lab, `${what}, paced at ${PACE.perSecond}/s`, paced, 0, (stage) => pace(stage, PACE))),
    ];
  });
}

/** 1,000 channels × 1 WebSocket, flooded. */
export async function ownChannels(lab: Lab): Promise<readonly Figure[]> {
  const crowd: Crowd = { clients: CLIENTS, spread: 'own', transport: 'websocket', payloadBytes: PAYLOAD_BYTES };
  return withStages(lab, ['bare', 'uws', 'ws'], crowd, async ([bare, uws, ws]) => {
    const runners: readonly Runner[] = [
      { stage: bare.live },
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: least(0.65, 0.7) },
      { stage: uws.live, beside: bare.live },
      { stage: ws.logged, beside: bare.logged },
    ];
    for (const { stage } of runners) await flood(stage, { ...OWN, messages: 64_000 });
    return interleave(lab, `${CLIENTS} channels × 1 WebSocket`, runners, 0.2, (stage) => flood(stage, OWN));
  });
}

/** 1,000 long polls waiting on one channel, 10 messages a second. */
export async function longPolls(lab: Lab): Promise<readonly Figure[]> {
  const crowd: Crowd = { clients: CLIENTS, spread: 'shared', transport: 'long-poll', payloadBytes: PAYLOAD_BYTES };
  const rhythm = { perSecond: 10, seconds: 6, latency: true, gated: true, lingerMs: 500 };
  return withStages(lab, ['bare', 'uws', 'ws'], crowd, async ([bare, uws, ws]) => {
    const runners: readonly Runner[] = [
      { stage: bare.live },
      { stage: uws.logged, beside: bare.live, budget: least(0.5) },
      { stage: ws.logged, beside: bare.live },
    ];
    for (const { stage } of runners) await pace(stage, { ...rhythm, seconds: 2 });
    return interleave(lab, `${CLIENTS} long polls, 10 messages/s`, runners, 0, (stage) => pace(stage, rhythm));
  });
}

type Stages<Kinds extends readonly Kind[]> = { readonly [At in keyof Kinds]: OpenStage };

async function withStages<const Kinds extends readonly Kind[]>(
  lab: Lab,
  kinds: Kinds,
  crowd: Crowd,
  use: (stages: Stages<Kinds>) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  const stages: OpenStage[] = [];
  try {
    for (const kind of kinds) stages.push(await openStage(lab, kind, crowd));
    return await use(stages as unknown as Stages<Kinds>);
  } finally {
    for (const stage of stages) await stage.close();
  }
}

/** Runs A B C … over and over, backwards every other time, and holds each against the bare one of its round. */
async function interleave(
  lab: Lab,
  what: string,
  runners: readonly Runner[],
  leastUtilisation: number,
  run: (stage: Stage) => Promise<Measured>,
): Promise<readonly Figure[]> {
  const perCpuSecond = runners.map((): number[] => []);
  const p99Ms = runners.map((): number[] => []);
  for (let round = 0; round < lab.pairs; round += 1) {
    const order = [...runners.entries()];
    if (round % 2 === 1) order.reverse();
    for (const [at, { stage }] of order) {
      await quiet(stage.pid);
      const measured = await run(stage);
      check(lab, stage, measured, leastUtilisation);
      perCpuSecond[at]?.push(measured.report.deliveries / measured.cpuSeconds);
      if (measured.report.latency) p99Ms[at]?.push(measured.report.latency.getValueAtPercentile(99) / 1000);
      lab.log(`  ${what}: ${stage.name}: ${describe(measured)}`);
    }
  }
  return runners.flatMap(({ stage, beside, budget }, at): readonly Figure[] => {
    const bare = perCpuSecond[runners.findIndex((other) => other.stage === beside)];
    const name = `${what}, ${stage.name}`;
    const values = perCpuSecond[at] ?? [];
    const latencies = p99Ms[at] ?? [];
    return [
      ...(bare === undefined
        ? []
        : [{ what: name, values: ratios(values, bare), unit: '× bare', digits: 2, ...(budget ? { budget } : {}) }]),
      { what: name, values, unit: 'deliveries per CPU-second', digits: 0 },
      ...(latencies.length === 0 ? [] : [{ what: name, values: latencies, unit: 'ms p99', digits: 1 }]),
    ];
  });
}

function describe(measured: Measured): string {
  const { report, cpuSeconds, wallSeconds } = measured;
  const each = ((cpuSeconds / report.deliveries) * 1e6).toFixed(2);
  return `${report.deliveries} deliveries, ${cpuSeconds.toFixed(2)} s CPU in ${wallSeconds.toFixed(2)} s, ${each} µs each`;
}
