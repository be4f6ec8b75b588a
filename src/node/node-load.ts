// How busy this node is: smoothed event-loop utilisation and memory, with the thresholds at which it counts as full.

import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { residentMemory } from '../lib/resident-memory.js';

const FULL_ABOVE = { eventLoop: 0.85, memory: 0.9 } as const;
const FREE_BELOW = { eventLoop: 0.75, memory: 0.8 } as const;
/** Weight of the newest sample: a node counts as full after about 3 s of overload, not after one busy tick. */
const SMOOTHING = 0.3;

/** Sampled each second. */
export class NodeLoad {
  readonly #maxMemoryBytes: number;
  readonly #residentBytes: () => number;
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  eventLoop = 0;
  memory = 0;
  isFull = false;

  constructor(maxMemoryBytes: number, residentBytes = residentMemory()) {
    this.#maxMemoryBytes = maxMemoryBytes;
    this.#residentBytes = residentBytes;
  }

  sample(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    this.eventLoop += (utilization - this.eventLoop) * SMOOTHING;
    this.memory = this.#residentBytes() / this.#maxMemoryBytes;
    if (this.eventLoop > FULL_ABOVE.eventLoop || this.memory > FULL_ABOVE.memory) this.isFull = true;
    else if (this.eventLoop < FREE_BELOW.eventLoop && this.memory < FREE_BELOW.memory) this.isFull = false;
  }
}
