// Waits for what happens in other processes, which tell nobody when it does.

import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;

/** Resolves once `condition` answers `true`; rejects after `withinMs` with what it answered or threw last. */
export async function eventually(condition: () => Promise<true | string>, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  for (;;) {
    const found = await condition().catch((error: unknown) => String(error));
    if (found === true) return;
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${found}`);
    await pause(LOOK_EVERY_MS);
  }
}
