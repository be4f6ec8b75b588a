// Runs the node's callbacks so that nothing that they throw passes the engine.

import { tellFault } from '../../lib/timers.js';

/** Calls `call`; what it throws, or what its promise rejects with, goes to `failed`, and what that throws no further. */
export function guarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(failed).catch(tellFault);
  } catch (error) {
    try {
      failed(error);
    } catch (second) {
      tellFault(second);
    }
  }
}
