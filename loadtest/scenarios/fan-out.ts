// Fan-out over WebSocket and long poll beside the bare loop: flooded, paced, and one channel per client.

import type { Figure } from '../figures.js';
import { interleave, type Runner } from '../interleaving.js';
import { type Crowd, type Lab, type OpenStage, openStage } from '../lab.js';
import type { Kind } from '../server-process.js';
import { flood, type PaceOptions, pace, type Stage } from '../traffic.js';
import { BUDGETS } from './budgets.js';
import { BURSTS, CLIENTS, FLOODED, OWN, OWN_FLOODED, PACED, POLLED, POLLED_GENTLY, POLLS, SHARED } from './crowds.js';

/** 1 channel × 1,000 WebSockets, flooded and paced. */
export async function sharedChannel(lab: Lab): Promise<readonly Figure[]> {
  return withStages(lab, SHARED, async ({ bare, uws, ws }) => {
    const flooded: readonly Runner[] = [
      { stage: bare.live },
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: BUDGETS.flooded.uws },
      { stage: uws.live, beside: bare.live },
      { stage: ws.logged, beside: bare.logged, budget: BUDGETS.flooded.ws },
      { stage: ws.live, beside: bare.live },
    ];
    const paced: readonly Runner[] = [
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: BUDGETS.paced.uws },
      { stage: ws.logged, beside: bare.logged, budget: BUDGETS.paced.ws },
    ];
    for (const { stage } of flooded) await flood(stage, { ...FLOODED, messages: 1_280 });
    const what = `${CLIENTS} WebSockets on 1 channel`;
    return [
      ...(await interleave(lab, `${what}, flooded`, flooded, (stage) => flood(stage, FLOODED))),
      ...(await interleave(lab, `${what}, paced at ${PACED.perSecond}/s`, paced, (stage) => pace(stage, PACED))),
    ];
  });
}

/** The same flood for clients that ask for a tick's messages in one frame, as the SDK does, beside bare loops that join them and do not. */
export async function joinedFrames(lab: Lab): Promise<readonly Figure[]> {
  const opened: OpenStage[] = [];
  const open = async (options: Parameters<typeof openStage>[1]): Promise<Stage> => {
    const stage = await openStage(lab, options, { ...SHARED, joins: true });
    opened.push(stage);
    return stage.logged;
  };
  try {
    const bare = await open({ kind: 'bare' });
    const joining = await open({ kind: 'bare', name: 'bare, which joins,', bareDoes: 'joins' });
    const [uws, ws] = [await open({ kind: 'uws', name: 'uws joined' }), await open({ kind: 'ws', name: 'ws joined' })];
    const stages = [bare, joining, uws, ws];
    for (const stage of stages) await flood(stage, { ...FLOODED, messages: 1_280 });
    const what = `${CLIENTS} WebSockets on 1 channel, flooded, beside bare`;
    const besideBare: readonly Runner[] = [
      { stage: bare },
      { stage: joining, beside: bare },
      { stage: uws, beside: bare, budget: BUDGETS.joined.uws },
      { stage: ws, beside: bare },
    ];
    const besideJoining: readonly Runner[] = [
      { stage: joining },
      { stage: uws, beside: joining, budget: BUDGETS.besideJoining.uws },
      { stage: ws, beside: joining },
    ];
    return [
      ...(await interleave(lab, what, besideBare, (stage) => flood(stage, FLOODED))),
      ...(await interleave(lab, `${what} that joins`, besideJoining, (stage) => flood(stage, FLOODED))),
    ];
  } finally {
    for (const stage of opened) await stage.close();
  }
}

/** 1,000 channels × 1 WebSocket, flooded. */
export async function ownChannels(lab: Lab): Promise<readonly Figure[]> {
  return withStages(lab, OWN, async ({ bare, uws, ws }) => {
    const runners: readonly Runner[] = [
      { stage: bare.live },
      { stage: bare.logged },
      { stage: uws.logged, beside: bare.logged, budget: BUDGETS.own.uws },
      { stage: uws.live, beside: bare.live },
      { stage: ws.logged, beside: bare.logged, budget: BUDGETS.own.ws },
    ];
    for (const { stage } of runners) await flood(stage, { ...OWN_FLOODED, messages: 64_000 });
    return interleave(lab, `${CLIENTS} channels × 1 WebSocket`, runners, (stage) => flood(stage, OWN_FLOODED));
  });
}

/** What is handed to a server at a time decides much of what a delivery costs: the same floods in bursts and one by one. */
export async function bursts(lab: Lab): Promise<readonly Figure[]> {
  const few = { ...lab, pairs: Math.min(3, lab.pairs) };
  const figures: Figure[] = [];
  for (const crowd of [SHARED, OWN]) {
    const what = crowd === SHARED ? `${CLIENTS} WebSockets on 1 channel` : `${CLIENTS} channels × 1 WebSocket`;
    const made = await withStages(few, crowd, async ({ bare, uws, ws }) => {
      const stages = [bare, uws, ws].map(({ logged }) => logged);
      const runners = stages.map((stage, at) => (at === 0 ? { stage } : { stage, beside: bare.logged }));
      for (const stage of stages) await flood(stage, { ...FLOODED, messages: 1_280 });
      const all: Figure[] = [];
      for (const { batch, shared, own } of BURSTS) {
        const messages = crowd === SHARED ? shared : own;
        const name = `${what}, flooded in bursts of ${batch}`;
        all.push(...(await interleave(few, name, runners, (stage) => flood(stage, { messages, batch }))));
      }
      return all;
    });
    figures.push(...made);
  }
  return figures;
}

/**
 * 1,000 long polls waiting on one channel, 10 messages a second, and 5 for the engine that cannot answer so many; each asks again
 * when it has its answer, whatever the others do.
 */
export async function longPolls(lab: Lab): Promise<readonly Figure[]> {
  return withStages(lab, POLLS, async ({ bare, uws, ws }) => {
    for (const { logged } of [bare, uws, ws]) await pace(logged, { ...POLLED_GENTLY, seconds: 2 });
    const held = (how: PaceOptions, runner: Runner): Promise<readonly Figure[]> =>
      interleave(lab, `${CLIENTS} long polls, ${how.perSecond} messages/s`, [{ stage: bare.logged }, runner], (stage) =>
        pace(stage, how),
      );
    return [
      ...(await held(POLLED, { stage: uws.logged, beside: bare.logged, budget: BUDGETS.polls.uws })),
      ...(await held(POLLED_GENTLY, { stage: ws.logged, beside: bare.logged, budget: BUDGETS.polls.ws })),
    ];
  });
}

/** One server of each kind, each with a crowd of its own. */
async function withStages(
  lab: Lab,
  crowd: Crowd,
  use: (stages: Readonly<Record<Kind, OpenStage>>) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  const opened: OpenStage[] = [];
  const open = async (kind: Kind): Promise<OpenStage> => {
    const stage = await openStage(lab, { kind }, crowd);
    opened.push(stage);
    return stage;
  };
  try {
    return await use({ bare: await open('bare'), uws: await open('uws'), ws: await open('ws') });
  } finally {
    for (const stage of opened) await stage.close();
  }
}
