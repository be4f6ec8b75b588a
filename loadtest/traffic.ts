// The two shapes of traffic: flooded (as fast as it is delivered, a bounded number in flight) and paced (so many a second).

import type { Fleet, FleetReport } from './fleet.js';
import { makePayload } from './payload.js';
import { cpuSeconds } from './process-figures.js';
import type { Encode, Publisher } from './publisher.js';

/** A server with clients on it, ready to be measured. */
export interface Stage {
  readonly name: string;
  readonly pid: number;
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly encode: Encode;
  /** Published to in turn, over and over. */
  readonly channels: readonly string[];
  /** Deliveries that one message leads to. */
  readonly deliveriesPerMessage: number;
  readonly payloadBytes: number;
}

/** What one window of traffic came to. */
export interface Measured {
  readonly messages: number;
  readonly expected: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly report: FleetReport;
}

/** Chosen: how long a thousand clients take to poll again, generously. */
const ASK_AGAIN_MS = 50;

export interface FloodOptions {
  readonly messages: number;
  /** Messages that are published in one write. */
  readonly batch: number;
  /** Messages that may be on their way at a time; bounded, so that no healthy client is cut as slow. */
  readonly window: number;
}

/** Publishes as fast as the clients keep up. */
export async function flood(stage: Stage, options: FloodOptions): Promise<Measured> {
  const { messages, batch, window } = options;
  const batches = prepareBatches(stage, batch);
  await stage.fleet.reset({ reportEvery: batch * stage.deliveriesPerMessage });
  const begin = mark(stage);
  for (let published = 0; published < messages; ) {
    const bytes = batches[(published / batch) % batches.length];
    if (bytes === undefined) throw new TypeError('messages must be a multiple of batch');
    stage.publisher.send(bytes, batch);
    published += batch;
    if (!(await stage.fleet.reached((published - window) * stage.deliveriesPerMessage))) break;
  }
  await stage.fleet.reached(messages * stage.deliveriesPerMessage);
  return finish(stage, begin, messages);
}

export interface PaceOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly latency: boolean;
  /** Sends no message before the last one was delivered to all: for a bare server, which forgets what nobody waits for. */
  readonly gated?: boolean;
  /** How long after the last message its deliveries may come: a short poll's pause. */
  readonly lingerMs: number;
}

/** Publishes at a steady rate, whatever the clients do. */
export async function pace(stage: Stage, options: PaceOptions): Promise<Measured> {
  const messages = Math.round(options.perSecond * options.seconds);
  await stage.fleet.reset({ reportEvery: stage.deliveriesPerMessage, latency: options.latency });
  const begin = mark(stage);
  const startMs = performance.now();
  for (let sent = 0; sent < messages; sent += 1) {
    await until(startMs + (sent * 1000) / options.perSecond);
    if (options.gated === true && sent > 0) await allBack(stage, sent);
    const channel = stage.channels[sent % stage.channels.length] ?? '';
    stage.publisher.send(stage.encode(channel, makePayload(stage.payloadBytes)), 1);
  }
  await until(startMs + options.seconds * 1000);
  if (options.gated === true) await stage.fleet.reached(messages * stage.deliveriesPerMessage);
  // CPU and bytes are those of the window itself; its last deliveries may come a little later.
  const measured = await finish(stage, begin, messages);
  await until(startMs + options.seconds * 1000 + options.lingerMs);
  const { bytesIn, bytesOut, polls } = measured.report;
  return { ...measured, report: { ...(await stage.fleet.report()), bytesIn, bytesOut, polls } };
}

/** Resolves when everything sent so far was delivered and its receivers have had time to ask again. */
async function allBack(stage: Stage, sent: number): Promise<void> {
  const beganMs = performance.now();
  await stage.fleet.reached(sent * stage.deliveriesPerMessage);
  const lateMs = performance.now() - beganMs;
  if (lateMs > 1) await until(performance.now() + ASK_AGAIN_MS);
}

/** Each batch goes to the next channels in turn; after the last batch it is the first one's turn again. */
function prepareBatches(stage: Stage, batch: number): readonly Buffer[] {
  const { channels } = stage;
  const count = channels.length === 1 ? 1 : channels.length; // lcm(batch, channels) messages at most
  return Array.from({ length: count }, (_, at) =>
    Buffer.concat(
      Array.from({ length: batch }, (_, index) => {
        const channel = channels[(at * batch + index) % channels.length] ?? '';
        return stage.encode(channel, makePayload(stage.payloadBytes));
      }),
    ),
  );
}

function mark(stage: Stage): { readonly cpu: number; readonly ms: number } {
  return { cpu: cpuSeconds(stage.pid), ms: performance.now() };
}

async function finish(stage: Stage, begin: ReturnType<typeof mark>, messages: number): Promise<Measured> {
  const end = mark(stage);
  await stage.publisher.settled();
  return {
    messages,
    expected: messages * stage.deliveriesPerMessage,
    cpuSeconds: end.cpu - begin.cpu,
    wallSeconds: (end.ms - begin.ms) / 1000,
    report: await stage.fleet.report(),
  };
}

function until(atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
}
