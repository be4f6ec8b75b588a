// A curve of traffic: at each point a fresh server of each kind is flooded, and what it used is divided by what came of it.

import { type Lab, quiet } from '../lab.js';
import type { Kind } from '../server-process.js';
import { flood, type Measured, type Stage } from '../traffic.js';
import { type Curve, Drawing, type Effort, type Outline } from './curve.js';

/** Messages in one write, as in the floods of the bench. */
const BATCH = 64;

export interface Reading {
  readonly outline: Outline;
  readonly value: (measured: Measured) => number;
  /** Beyond this `x` it says nothing of its own; absent: there is no such. */
  readonly upTo?: number;
}

export interface Flooded {
  readonly what: string;
  readonly xs: readonly number[];
  /** And up to which `x`; absent: to the last. */
  readonly kinds: readonly { readonly kind: Kind; readonly upTo?: number }[];
  readonly readings: readonly Reading[];
  /** Messages of a window, of which there is at least one burst. */
  readonly messages: (x: number) => number;
  readonly open: (lab: Lab, kind: Kind, x: number) => Promise<Opened>;
}

/** A server with its clients. */
export interface Opened {
  readonly stage: Stage;
  close(): Promise<void>;
}

export async function drawFlooded(lab: Lab, effort: Effort, flooded: Flooded): Promise<readonly Curve[]> {
  const { what, kinds, readings } = flooded;
  const drawings = readings.map(({ outline }) => new Drawing(outline));
  for (const x of flooded.xs.slice(0, effort.points)) {
    for (const { kind } of kinds.filter(({ upTo = x }) => x <= upTo)) {
      const messages = Math.max(1, Math.round((flooded.messages(x) * effort.share) / BATCH)) * BATCH;
      const windows = await windowsOf(lab, `${what}, ${x.toLocaleString('en')}, ${kind}`, messages, () =>
        flooded.open(lab, kind, x),
      );
      for (const [at, { value, upTo: last = x }] of readings.entries())
        for (const one of windows)
          if (x <= last) drawings[at]?.add(kind, x, one === undefined ? Number.NaN : value(one));
    }
  }
  return drawings.map((drawing) => drawing.curve());
}

/** The judged windows of one server at one point, the first of all left out, in which its code becomes fast. */
async function windowsOf(
  lab: Lab,
  name: string,
  messages: number,
  open: () => Promise<Opened>,
): Promise<readonly (Measured | undefined)[]> {
  const { stage, close } = await open();
  const run = (): Promise<Measured> => flood(stage, { messages, batch: BATCH });
  try {
    await run();
    const windows: (Measured | undefined)[] = [];
    for (let round = 0; round < lab.pairs; round += 1) {
      await quiet(stage.proc, stage.cast.server);
      windows.push(await lab.judge.sound(name, run));
    }
    lab.log(`  ${name}: ${windows.map((window) => `${perDelivery(window).toFixed(2)} µs`).join(', ')} per delivery`);
    return windows;
  } finally {
    await close();
  }
}

function perDelivery(measured: Measured | undefined): number {
  return measured === undefined ? Number.NaN : serverUsPerDelivery(measured);
}

/** CPU of all nodes. */
export function serverUsPerDelivery({ watched, served }: Measured): number {
  return ((watched.server + (watched.fellows ?? 0)) / served) * 1e6;
}

export function serverUsPerMessage({ watched, messages }: Measured): number {
  return ((watched.server + (watched.fellows ?? 0)) / messages) * 1e6;
}

export function redisUsPerMessage({ watched, messages }: Measured): number {
  return (watched.redis / messages) * 1e6;
}
