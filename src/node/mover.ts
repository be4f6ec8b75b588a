// Asks a node's clients to move to other nodes, in waves, and waits until they have.

import { setTimeout as pause } from 'node:timers/promises';
import { monotonicNowMs } from '../lib/clocks.js';
import type { Links } from './clients/links.js';

/** Links asked per wave. */
const WAVE = 500;
const WAVE_MS = 100;
const LOOK_EVERY_MS = 50;

/** Resolves when no link is left, or `withinMs` after the last was asked; 0 asks and waits for nobody. */
export async function moveLinks(links: Links, withinMs: number, reason: string): Promise<void> {
  let asked = 0;
  for (const link of [...links.all()]) {
    link.move(withinMs, reason);
    if (++asked % WAVE === 0) await pause(WAVE_MS);
  }
  const deadlineMs = monotonicNowMs() + withinMs;
  while (links.size > 0 && monotonicNowMs() < deadlineMs) await pause(LOOK_EVERY_MS);
}
