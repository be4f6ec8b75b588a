// Deletes a channel's history, and waits until no node holds anything of it.

import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryEraser } from '../../broker/eraser.js';
import type { NodeRecord } from '../../cluster/registry.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { Offset } from '../../protocol/index.js';

/** Specified for revocations, and the same here: so long the others have to say that it is done. */
const WAIT_MS = 1_000;
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;

export interface EraserParts {
  /** None: the broker cannot. */
  readonly eraser: HistoryEraser | undefined;
  /** This node's id. */
  readonly node: string;
  /** All nodes of the cluster that live. */
  readonly liveNodes: () => Promise<readonly Pick<NodeRecord, 'id' | 'state'>[]>;
  readonly logger: Logger;
}

export class Eraser {
  readonly #parts: EraserParts;
  /** Histories that were deleted through this node. */
  erased = 0;

  constructor(parts: EraserParts) {
    this.#parts = parts;
  }

  /**
   * Resolves with `undefined` once every node that is subscribed to the channel has forgotten what it held; else with the ids of those that
   * may hold some: after a second, or where a node hears nothing now. Throws as the broker does.
   */
  async erase(channel: string): Promise<readonly string[] | undefined> {
    const { eraser, logger } = this.#parts;
    if (eraser === undefined) throw new FanfareError('internal', 'this broker deletes nothing');
    const { begin, told } = await eraser.erase(channel);
    this.erased++;
    logger.info({ channel, begin, told }, 'the history of a channel was deleted');
    const untilMs = monotonicNowMs() + WAIT_MS;
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LONGEST_LOOK_MS)) {
      const forgot = told === 0 ? [] : await eraser.whoForgot(channel, begin);
      if (forgot.length >= told) return this.#deaf(forgot);
      if (monotonicNowMs() >= untilMs) return this.#others(forgot);
      await pause(lookMs);
    }
  }

  /** This node holds nothing any more; whoever deleted it waits for that, and is told to wait no longer where it cannot be said. */
  forgot(channel: string, begin: Offset): void {
    const { eraser, node, logger } = this.#parts;
    eraser?.forgot(channel, begin, node).catch((error: unknown) => {
      logger.warn({ error, channel }, 'it could not be said that a deleted history is forgotten here');
    });
  }

  async #others(forgot: readonly string[]): Promise<readonly string[]> {
    const live = await this.#parts.liveNodes().catch(() => []);
    return live.map(({ id }) => id).filter((id) => !forgot.includes(id));
  }

  /** Whoever hears nothing may be subscribed all the same. */
  async #deaf(forgot: readonly string[]): Promise<readonly string[] | undefined> {
    const live = await this.#parts.liveNodes().catch(() => []);
    const deaf = live.filter(({ id, state }) => state === 'deaf' && !forgot.includes(id)).map(({ id }) => id);
    return deaf.length === 0 ? undefined : deaf;
  }
}
