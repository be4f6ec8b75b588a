// What a target holds while nothing is sent to it, and whether it has come back to that.

import { eventually } from '../support/eventually.js';
import type { Holding, Target } from './target.js';

const MORE = { descriptors: 2, usedMiB: 20 } as const;

/** Waits until it holds hardly more than `before`, and adds to `failures` where it does not in time. Resolves with what it holds. */
export async function backTo(before: Holding, target: Target, withinMs: number, failures: string[]): Promise<Holding> {
  let after = before;
  await eventually(async () => {
    after = await target.holding();
    const isBack =
      after.descriptors <= before.descriptors + MORE.descriptors && after.usedMiB <= before.usedMiB + MORE.usedMiB;
    return isBack || `before: ${told(before)}, after: ${told(after)}`;
  }, withinMs).catch((error: Error) => failures.push(error.message));
  return after;
}

export function told({ descriptors, usedMiB, rssMiB }: Holding): string {
  return `${descriptors} descriptors, ${usedMiB.toFixed(1)} MiB in use, ${Math.round(rssMiB)} MiB resident`;
}
