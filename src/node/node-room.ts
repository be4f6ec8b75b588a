// What room a node has: places for links, and what its machine can still bear.

import type { Logger } from '../lib/logger.js';
import type { Room } from './lifecycle.js';
import type { NodeLoad } from './node-load.js';
import type { PushNodeOptions } from './node-options.js';

/** Chosen: a node that was full has room again when a twentieth of its places is free. */
const TIGHT_ABOVE = 0.95;

export interface NodeRoomParts {
  readonly load: Pick<NodeLoad, 'sample' | 'isFull' | 'memory' | 'eventLoop'>;
  /** Places that are taken. */
  readonly taken: () => number;
  readonly options: Pick<PushNodeOptions, 'maxConnections' | 'maxMemoryBytes'>;
}

/** Looked up whenever somebody asks, which each newcomer does: nothing is made for it. */
export class NodeRoom implements Room {
  readonly #parts: NodeRoomParts;

  constructor(parts: NodeRoomParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    const { taken, options } = this.#parts;
    return taken() >= options.maxConnections;
  }

  get isTight(): boolean {
    const { taken, options } = this.#parts;
    return taken() > TIGHT_ABOVE * options.maxConnections;
  }

  get isBusy(): boolean {
    return this.#parts.load.isFull;
  }

  get detail(): string {
    const { load, taken, options } = this.#parts;
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    return `${taken()} of ${options.maxConnections} links, memory ${percent(load.memory)}, event loop ${percent(load.eventLoop)}`;
  }

  /** Says it when the process is over its memory before the first client has come. */
  warnAtStart(logger: Logger): void {
    const { load, options } = this.#parts;
    load.sample();
    if (!load.isFull) return;
    const { maxMemoryBytes } = options;
    const usedBytes = Math.round(load.memory * maxMemoryBytes);
    const message =
      'the process uses as much as maxMemoryBytes allows already: the node is full, and no client is sent here';
    logger.warn({ maxMemoryBytes, usedBytes }, message);
  }
}
