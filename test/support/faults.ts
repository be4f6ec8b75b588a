// In a run of tests a fault that a contained timer told is an error of the run, as one that nothing caught would be.

import { onFault } from '../../src/lib/timers.js';

/** What the tests begin with; one that makes faults of its own puts it back. */
export function failTheRun(): void {
  onFault((error) => {
    queueMicrotask(() => {
      throw error;
    });
  });
}

failTheRun();
