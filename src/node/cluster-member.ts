// The node as a member of its cluster: what it reports each second, and how it takes what the registry says.

import { randomUUID } from 'node:crypto';
import { createReporter, type Reporter } from '../cluster/load-report.js';
import type { NodeReport, Registry, ReportVerdict } from '../cluster/registry.js';
import type { Logger } from '../lib/logger.js';
import type { Lifecycle, Room } from './lifecycle.js';
import type { Reservations } from './reservations.js';

export interface ClusterMemberParts {
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly reservations: Reservations;
  readonly logger: Logger;
  readonly id: string;
  readonly capacity: number;
  readonly maxConnectsPerSecond: number;
  readonly room: () => Room;
  readonly connections: () => number;
  /** An operator asked for a drain. */
  readonly onDrainRequested: () => void;
}

/** Started once the node serves; until then it is not in the registry. */
export class ClusterMember {
  readonly #parts: ClusterMemberParts;
  readonly #incarnation = `${String(Date.now()).padStart(13, '0')}-${randomUUID()}`;
  #reporter: Reporter | undefined;

  constructor(parts: ClusterMemberParts) {
    this.#parts = parts;
  }

  /** Resolves after the first report, whatever came of it. */
  async start(url: string): Promise<void> {
    const { registry, logger, id, onDrainRequested } = this.#parts;
    this.#reporter = createReporter({
      registry,
      logger,
      read: () => this.#report(url),
      onVerdict: (verdict) => this.#obey(verdict),
      onDrainRequested: () => {
        logger.info({ id }, 'asked to drain');
        onDrainRequested();
      },
    });
    await this.#reporter.start();
  }

  /** Reports now, as when the node's state has changed. */
  async report(): Promise<void> {
    await this.#reporter?.report();
  }

  /** Leaves the registry. Idempotent. */
  async stop(): Promise<void> {
    await this.#reporter?.stop();
  }

  #report(url: string): NodeReport {
    const { id, capacity, maxConnectsPerSecond, lifecycle, reservations, room, connections } = this.#parts;
    return {
      id,
      url,
      incarnation: this.#incarnation,
      connections: connections(),
      capacity,
      maxConnectsPerSecond,
      state: lifecycle.reported(room()),
      claimed: reservations.take(),
    };
  }

  /** One that was only refused tries on: the other node may end. */
  #obey(verdict: ReportVerdict): void {
    const { id, lifecycle, logger } = this.#parts;
    const hasChanged = lifecycle.on(verdict === 'accepted' ? 'accepted' : 'displaced');
    if (hasChanged && lifecycle.state === 'fenced') {
      logger.error({ verdict, id }, 'another node has this id; this one takes no new clients');
    }
  }
}
