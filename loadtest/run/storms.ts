// Everybody at once: clients that come in waves, and clients that come back and get what they missed.

import { pause, quiet } from '../lab.js';
import { numberOf } from '../numbers.js';
import { makePayload, nowUs } from '../payload.js';
import { doubtsOf } from '../validity.js';
import { watch } from '../watch.js';
import type { Conditions } from './contender.js';
import { crowdOf, type Ground, stageOf } from './ground.js';
import type { Outcome } from './result.js';

/** As many as may be on their way at a time. */
const WAVE = 200;
/** Fewer than a node has room for that have shown no ticket yet. */
const MOST_AT_ONCE = 1_000;
/** Chosen: for each second of a wave the drivers rest so long, so that clients never wait for their own process. */
const REST = 0.3;

/** They connect, authenticate and subscribe, with tickets that they have; a wave begins when the one before has been served. */
export async function connects(ground: Ground, { arm, instruments: { proc } }: Conditions): Promise<Outcome> {
  const { fleet, opened } = ground;
  const crowd = { ...crowdOf(opened, arm), atOnce: WAVE };
  if (opened.secret !== undefined) await fleet.prepare({ ...crowd, count: arm.links });
  await quiet(proc, opened.pid);
  const end = watch(proc, stageOf(ground, arm, proc).cast);
  let tookMs = 0;
  for (let come = 0; come < arm.links; come += WAVE) {
    const waveMs = await fleet.open({ ...crowd, count: Math.min(WAVE, arm.links - come) });
    tookMs += waveMs;
    await pause(waveMs * REST);
  }
  const watched = end();
  const { server, redis } = watched;
  return {
    faults: [],
    doubts: doubtsOf({ watched }),
    storm: { clients: arm.links, seconds: tookMs / 1_000, server, redis },
  };
}

/** They were away while `batch` messages came on each channel, and come back all at once; it ends when each has all of them. */
export async function returns(ground: Ground, { arm, instruments: { proc } }: Conditions): Promise<Outcome> {
  const { fleet, opened } = ground;
  const stage = stageOf(ground, arm, proc);
  const crowd = { ...crowdOf(opened, arm), atOnce: Math.min(arm.links, MOST_AT_ONCE) };
  const missed = stage.numbers.take(arm.batch * arm.channels);
  const publications = Array.from({ length: missed.messages }, (_, at) =>
    stage.encode(stage.channels[at % arm.channels] ?? '', makePayload(stage.payloadBytes, 0, numberOf(missed, at))),
  );
  stage.publisher.send(Buffer.concat(publications), missed.messages);
  await stage.publisher.settled();
  await fleet.prepare({ ...crowd, count: arm.links });
  await quiet(proc, opened.pid);
  const expected = arm.batch * arm.links;
  await fleet.reset({ first: missed.first, reportEvery: arm.batch });
  const end = watch(proc, stage.cast);
  const startUs = nowUs();
  // From the beginning of what is kept, which is all that each missed.
  await fleet.open({ ...crowd, positions: { [crowd.channel]: '-1' }, count: arm.links });
  await fleet.reached(expected);
  const seconds = (nowUs() - startUs) / 1e6;
  const watched = end();
  const { lost, repeated, disordered, surprises, surprise } = await fleet.report(missed);
  const faults = [
    ...(lost > 0 ? [`${lost} of ${expected} missed messages were lost`] : []),
    ...(repeated + disordered > 0 ? [`${repeated} were repeated, ${disordered} out of order`] : []),
    ...(surprises > 0 ? [`${surprises} surprises, the first: ${surprise}`] : []),
  ];
  const { server, redis } = watched;
  return { faults, doubts: doubtsOf({ watched }), storm: { clients: arm.links, seconds, server, redis } };
}
