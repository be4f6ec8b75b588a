// The two shapes of traffic: flooded (so many at a time, the next when all have them) and paced (so many a second, whoever is late).

import type { Fleet, FleetReport } from './fleet.js';
import { type Lag, LoopLag } from './loop-lag.js';
import { type Numbered, type Numbers, numberOf } from './numbers.js';
import { makePayload, nowUs, PAYLOAD_MARK, stampPayload } from './payload.js';
import type { Proc } from './proc.js';
import type { Encode, Publisher } from './publisher.js';
import { readWire, type Wire, wireBetween } from './run/wire.js';
import { type Cast, type Watched, watch } from './watch.js';

/** A server with clients on it, ready to be measured. */
export interface Stage {
  readonly name: string;
  readonly proc: Proc;
  readonly cast: Cast;
  readonly fleet: Pick<Fleet, 'reset' | 'reached' | 'report'>;
  readonly publisher: Publisher;
  readonly encode: Encode;
  /** Published to in turn, over and over. */
  readonly channels: readonly string[];
  /** Shared by all stages that publish to these channels. */
  readonly numbers: Numbers;
  /** Deliveries that one message leads to. */
  readonly deliveriesPerMessage: number;
  readonly payloadBytes: number;
  /** The server's port, where the bytes on its links are to be told. */
  readonly wirePort?: number;
}

/** What one window of traffic came to. */
export interface Measured {
  readonly messages: number;
  readonly expected: number;
  /** Deliveries that came while CPU and bytes were watched, which is what these are divided by. Messages are judged beyond that. */
  readonly served: number;
  /** Messages per second that were asked for; absent where there was no rate to keep. */
  readonly asked?: number;
  /** Messages per second until the last was acknowledged. */
  readonly achieved: number;
  readonly watched: Watched;
  /** The latest event loop among the drivers; absent where no latency is told. */
  readonly lag?: Lag;
  readonly report: FleetReport;
  /** Absent where it was not asked for, or cannot be told. */
  readonly wire?: Wire;
}

const US_PER_MS = 1000;
/** Chosen: how long deliveries that are still missing are waited for, and how often they are looked for. */
const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 100;

export interface FloodOptions {
  readonly messages: number;
  /** Messages that are published in one write, so that every server gets them in bursts of one size. */
  readonly batch: number;
}

/** Chosen: for each second of a burst the drivers rest so long, so that a server's figure is never that of a driver out of breath. */
const REST = 0.3;

/** Publishes burst by burst, the next when every client has the last: clients that are slow make no burst larger. */
export async function flood(stage: Stage, { messages, batch }: FloodOptions): Promise<Measured> {
  if (messages % batch !== 0) throw new TypeError('messages must be a multiple of batch');
  const numbered = stage.numbers.take(messages);
  const batches = prepareBatches(stage, batch);
  await stage.fleet.reset({ first: numbered.first, reportEvery: batch * stage.deliveriesPerMessage });
  const end = await begin(stage, numbered);
  for (let published = 0; published < messages; ) {
    const startUs = nowUs();
    stage.publisher.send(stampBatch(stage, batches, numbered, published, batch), batch);
    published += batch;
    if (!(await stage.fleet.reached(published * stage.deliveriesPerMessage))) break;
    await until(nowUs() + (nowUs() - startUs) * REST);
  }
  await stage.publisher.settled();
  return end(numbered, undefined);
}

export interface PaceOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly latency: boolean;
  /** How long after the last message one that comes twice would be seen: a short poll's pause. */
  readonly lingerMs: number;
  /**
   * How long the rate is kept before the window begins, so that the window holds as many deliveries as messages: a short poll's pause. Without
   * it, those of a window that is not much longer than the pause mostly come when CPU is not watched any more. Absent: not at all.
   */
  readonly leadMs?: number;
  /** Messages that are due together; absent: one. */
  readonly batch?: number;
}

/**
 * Publishes at a steady rate, whatever the clients do: at each wake-up all that is due, and each message says when it was due. CPU and bytes
 * are those of the window itself, and so are the deliveries that they are divided by; messages and latencies are those of the lead as well.
 */
export async function pace(stage: Stage, options: PaceOptions): Promise<Measured> {
  const { perSecond, seconds, latency, lingerMs, leadMs = 0, batch = 1 } = options;
  const wholeBatches = (forSeconds: number): number => Math.round((perSecond * forSeconds) / batch) * batch;
  const leadSeconds = leadMs / 1000;
  const messages = wholeBatches(leadSeconds) + Math.max(batch, wholeBatches(seconds));
  const numbered = stage.numbers.take(messages);
  await stage.fleet.reset({ first: numbered.first, latency });
  // Without a lead nothing of it may come before it is watched.
  let end = leadMs > 0 ? undefined : await begin(stage, numbered);
  const startUs = nowUs();
  const endUs = startUs + (leadSeconds + seconds) * 1e6;
  const published = publish(stage, numbered, { perSecond, batch, startUs });
  // Told where it is awaited.
  published.catch(() => undefined);
  await until(startUs + leadSeconds * 1e6);
  end ??= await begin(stage, numbered);
  await published;
  const achieved = messages / Math.max(leadSeconds + seconds, (nowUs() - startUs) / 1e6);
  await until(endUs);
  const measured = await end(numbered, { asked: perSecond, achieved });
  // The last deliveries may come a little later than the window ends.
  await until(endUs + lingerMs * US_PER_MS);
  const { bytesIn, bytesOut, polls } = measured.report;
  return { ...measured, report: { ...(await lastReport(stage, numbered)), bytesIn, bytesOut, polls } };
}

interface Rhythm {
  readonly perSecond: number;
  readonly batch: number;
  readonly startUs: number;
}

/** Resolves when all messages are acknowledged. */
async function publish(stage: Stage, numbered: Numbered, { perSecond, batch, startUs }: Rhythm): Promise<void> {
  const { messages } = numbered;
  const dueUs = (at: number): number => startUs + ((at - (at % batch)) * 1e6) / perSecond;
  for (let sent = 0; sent < messages; ) {
    const due = Math.min(messages, (Math.floor(((nowUs() - startUs) * perSecond) / 1e6 / batch) + 1) * batch);
    const bytes: Buffer[] = [];
    for (let at = sent; at < due; at += 1) {
      const payload = makePayload(stage.payloadBytes, dueUs(at), numberOf(numbered, at));
      bytes.push(stage.encode(stage.channels[at % stage.channels.length] ?? '', payload));
    }
    if (due > sent) stage.publisher.send(Buffer.concat(bytes), due - sent);
    sent = Math.max(sent, due);
    if (sent < messages) await until(dueUs(sent));
  }
  await stage.publisher.settled();
}

/** What has come once nothing is missing any more, or nobody should wait for it any longer. */
async function lastReport(stage: Stage, numbered: Numbered): Promise<FleetReport> {
  const latestUs = nowUs() + PATIENCE_MS * US_PER_MS;
  for (;;) {
    const report = await stage.fleet.report(numbered);
    if (report.lost === 0 || nowUs() > latestUs) return report;
    await until(nowUs() + LOOK_AGAIN_MS * US_PER_MS);
  }
}

/** Begins to watch; what is returned ends it and says what came. */
async function begin(stage: Stage, numbered: Numbered) {
  const wireNow = async () => (stage.wirePort === undefined ? undefined : readWire(stage.wirePort));
  const [wireBefore, before] = await Promise.all([wireNow(), stage.fleet.report(numbered)]);
  const lag = new LoopLag();
  lag.start();
  const startMs = performance.now();
  const finish = watch(stage.proc, stage.cast);
  return async (window: Numbered, rate: { asked: number; achieved: number } | undefined): Promise<Measured> => {
    const watched = finish();
    const tookMs = performance.now() - startMs;
    const own = lag.read();
    lag.stop();
    const [wireAfter, after] = await Promise.all([wireNow(), stage.fleet.report(window)]);
    const wire = wireBetween(wireBefore, wireAfter);
    const { messages } = window;
    return {
      messages,
      expected: messages * stage.deliveriesPerMessage,
      achieved: messages / (tookMs / 1000),
      served: after.deliveries - before.deliveries,
      ...rate,
      watched,
      ...(after.latency === undefined ? {} : { lag: later(own, after) }),
      report: {
        ...after,
        bytesIn: after.bytesIn - before.bytesIn,
        bytesOut: after.bytesOut - before.bytesOut,
        polls: after.polls - before.polls,
      },
      ...(wire === undefined ? {} : { wire }),
    };
  };
}

function later(one: Lag, other: Lag): Lag {
  return {
    lagP99Ms: Math.max(one.lagP99Ms, other.lagP99Ms),
    lagMaxMs: Math.max(one.lagMaxMs, other.lagMaxMs),
  };
}

/** Publications that are encoded once and given their time and number again each time that they are sent. */
interface Batch {
  readonly bytes: Buffer;
  /** Where each payload begins. */
  readonly payloads: readonly number[];
}

/** Each batch goes to the next channels in turn. There are two at least, so that none is rewritten while it is being sent. */
function prepareBatches(stage: Stage, batch: number): readonly Batch[] {
  // After that many a batch begins with the first channel again.
  const count = Math.max(2, stage.channels.length / commonDivisor(stage.channels.length, batch));
  return Array.from({ length: count }, (_, at) => {
    const bytes = encodeBatch(stage, at * batch, batch, () => [0, 0]);
    const payloads: number[] = [];
    for (let start = bytes.indexOf(PAYLOAD_MARK); start >= 0; start = bytes.indexOf(PAYLOAD_MARK, start + 1))
      payloads.push(start);
    return { bytes, payloads };
  });
}

/** The greatest. */
function commonDivisor(one: number, other: number): number {
  return other === 0 ? one : commonDivisor(other, one % other);
}

/** The messages from `first` on, each for its channel, with the time and the number that it is to have. */
function encodeBatch(
  { encode, channels, payloadBytes }: Stage,
  first: number,
  batch: number,
  stampOf: (at: number) => readonly [dueUs: number, number: number],
): Buffer {
  const parts = Array.from({ length: batch }, (_, index) => {
    const at = first + index;
    return encode(channels[at % channels.length] ?? '', makePayload(payloadBytes, ...stampOf(at)));
  });
  return Buffer.concat(parts);
}

function stampBatch(
  stage: Stage,
  batches: readonly Batch[],
  numbered: Numbered,
  published: number,
  batch: number,
): Buffer {
  const next = batches[(published / batch) % batches.length];
  if (next === undefined) throw new TypeError('there is no batch');
  const now = nowUs();
  // What is not published as it is, as where a peer packs it, is encoded anew.
  if (next.payloads.length !== batch)
    return encodeBatch(stage, published, batch, (at) => [now, numberOf(numbered, at)]);
  for (const [index, start] of next.payloads.entries())
    stampPayload(next.bytes, start, now, numberOf(numbered, published + index));
  return next.bytes;
}

function until(atUs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, (atUs - nowUs()) / US_PER_MS)));
}
