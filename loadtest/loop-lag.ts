// How late an event loop is: what a driver's clocks add to a latency before anybody else does.

import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Chosen: a sample each 10 ms costs next to nothing, and no turn that long stays unseen. */
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

export interface Lag {
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

export class LoopLag {
  private readonly delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  /** Begins anew. */
  start(): void {
    this.delays.enable();
    this.delays.reset();
  }

  read(): Lag {
    if (this.delays.count === 0) return { lagP99Ms: 0, lagMaxMs: 0 };
    // Node records the time from one sample to the next, and so the pause between them too.
    const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
    return { lagP99Ms: late(this.delays.percentile(99)), lagMaxMs: late(this.delays.max) };
  }

  stop(): void {
    this.delays.disable();
  }
}
