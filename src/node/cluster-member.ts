// The node as a member of its cluster: what it reports each second, and how it takes what the registry says.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Membership } from '../auth/membership.js';
import { IdTakenError } from '../cluster/id-taken-error.js';
import { createReporter, type Reporter } from '../cluster/load-report.js';
import { nodeOfReservation } from '../cluster/node-report.js';
import type { NodeReport, Registry, ReportAnswer, ReportVerdict } from '../cluster/registry.js';
import { REGISTRY_RULES } from '../cluster/registry-rules.js';
import { monotonicNowMs, steadyUnixMs } from '../lib/clocks.js';
import type { Logger } from '../lib/logger.js';
import { FEATURES } from '../protocol/index.js';
import { Enrolment } from './enrolment.js';
import type { Lifecycle } from './lifecycle.js';
import type { NodeStats, PushNodeOptions, ReadinessCheck } from './node-options.js';
import { OwnUrl } from './own-url.js';
import type { Reservations } from './reservations.js';

/** How often a node that finds its id taken looks whether it still is. */
const LOOK_EVERY_MS = 500;
/** A node that ended without a word counts as alive for so long where no other reports. */
const ID_FREE_WITHIN_MS = REGISTRY_RULES.graceMs + 2_000;

export interface ClusterMemberParts {
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly reservations: Reservations;
  readonly logger: Logger;
  /** Proves that the node knows the cluster's secrets; without it the node proves nothing. */
  readonly membership: Membership | undefined;
  readonly options: Pick<PushNodeOptions, 'id' | 'version' | 'maxConnections' | 'maxConnectsPerSecond'>;
  readonly engine: string;
  readonly connections: () => number;
  /** An operator asked for a drain. */
  readonly onDrainRequested: () => void;
  /** Another node has taken over the id while this one served. */
  readonly onDisplaced: () => void;
}

/** Started once the node listens; until then it is not in the registry. */
export class ClusterMember {
  readonly #parts: ClusterMemberParts;
  readonly #startedAtMs = Date.now();
  readonly #incarnation = `${String(this.#startedAtMs).padStart(13, '0')}-${randomUUID()}`;
  readonly #ownUrl: OwnUrl;
  readonly #enrolment = new Enrolment();
  #url = '';
  #reporter: Reporter | undefined;
  #verdict: ReportVerdict | undefined;
  /** The registry's clock less the steady one; `undefined` until it has answered. */
  #aheadMs: number | undefined;
  #isServing = false;
  #isFenced = false;
  #isStopped = false;
  #isDoubted = false;
  /** Lapsed places, at the first answer and now. */
  #lapsed: { readonly before: number; now: number } | undefined;

  constructor(parts: ClusterMemberParts) {
    this.#parts = parts;
    const { options, logger } = parts;
    this.#ownUrl = new OwnUrl({ id: options.id, logger, onReached: () => void this.report() });
  }

  /** Places that lapsed since the node started: clients that were sent here and did not come. */
  stats(): NodeStats {
    return { lapsedReservations: this.#lapsed === undefined ? 0 : this.#lapsed.now - this.#lapsed.before };
  }

  /** The registry's clock, as well as it is known: Unix milliseconds. */
  nowMs(): number {
    return steadyUnixMs() + (this.#aheadMs ?? 0);
  }

  /** Takes the node's id. Resolves whatever a registry that is away makes of it; rejects with {@link IdTakenError}. */
  async start(url: string): Promise<void> {
    const { registry, logger, options, onDrainRequested } = this.#parts;
    this.#url = url;
    this.#reporter = createReporter({
      registry,
      logger,
      read: () => this.#report(),
      onVerdict: () => undefined,
      onAnswer: (answer) => this.#take(answer),
      onFailure: (error) => this.#enrolment.failed(error),
      onDrainRequested: () => {
        logger.info({ node: options.id }, 'asked to drain');
        onDrainRequested();
      },
    });
    await this.#reporter.start();
    await this.#waitForId();
  }

  /** From now on clients are sent here, if its URL leads here. */
  async serve(): Promise<void> {
    this.#isServing = true;
    await this.#ownUrl.start(this.#url);
    await this.report();
  }

  checks(): readonly ReadinessCheck[] {
    return [this.#enrolment.check(), this.#ownUrl.check()];
  }

  /** Reports now, as when the node's state has changed. */
  async report(): Promise<void> {
    await this.#reporter?.report();
  }

  /** Leaves the registry. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#ownUrl.close();
    await this.#reporter?.stop();
  }

  /** An id is taken by whoever reports under it; one whose node has ended without a word is waited for. */
  async #waitForId(): Promise<void> {
    const { id } = this.#parts.options;
    const beganMs = monotonicNowMs();
    while (this.#isDisplaced() && !this.#isStopped) {
      const waitedMs = monotonicNowMs() - beganMs;
      if (waitedMs > ID_FREE_WITHIN_MS || (await this.#holderReports(waitedMs))) {
        throw new IdTakenError(`another node has the id ${id}: give each node its own nodeId`);
      }
      await pause(LOOK_EVERY_MS);
      await this.report();
    }
  }

  async #holderReports(sinceMs: number): Promise<boolean> {
    try {
      const nodes = await this.#parts.registry.list();
      return nodes.some(({ id, reportAgeMs }) => id === this.#parts.options.id && reportAgeMs < sinceMs);
    } catch {
      // A registry that is away says so by its reports.
      return false;
    }
  }

  #isDisplaced(): boolean {
    return this.#verdict === 'fenced' || this.#verdict === 'refused';
  }

  #report(): NodeReport {
    const { options, lifecycle, reservations, connections } = this.#parts;
    const { id, maxConnections: capacity, maxConnectsPerSecond } = options;
    const claimed = reservations.take();
    if (claimed.some((reservation) => nodeOfReservation(reservation) === id)) this.#ownUrl.reached();
    return {
      id,
      url: this.#url,
      incarnation: this.#incarnation,
      connections: connections(),
      capacity,
      maxConnectsPerSecond,
      state: lifecycle.reported(),
      reached: this.#ownUrl.isReached,
      proof: this.#proof(),
      features: FEATURES,
      claimed,
    };
  }

  /** None before the registry has told its time. */
  #proof(): string {
    const { membership, options, engine, lifecycle } = this.#parts;
    const { id, version } = options;
    if (membership === undefined || this.#aheadMs === undefined) return '';
    const timeMs = this.nowMs();
    const why = lifecycle.why() || this.#ownUrl.check().detail;
    const facts = { timeMs, version, engine, startedAtMs: this.#startedAtMs, why };
    return membership.prove({ id, url: this.#url, incarnation: this.#incarnation }, facts);
  }

  #take({ verdict, nowMs, signers, lapsed, isDoubted }: ReportAnswer): void {
    const { lifecycle, membership, onDisplaced } = this.#parts;
    this.#verdict = verdict;
    this.#enrolment.taken();
    this.#aheadMs = nowMs - steadyUnixMs();
    this.#lapsed = { before: this.#lapsed?.before ?? lapsed, now: lapsed };
    this.#doubt(isDoubted);
    const known = membership?.fingerprints ?? [];
    const isForeign = membership !== undefined && signers.length > 0 && !signers.some((one) => known.includes(one));
    const before = lifecycle.state;
    lifecycle.set('foreign', isForeign);
    if (this.#isServing && this.#isDisplaced() && !this.#isFenced) {
      this.#isFenced = true;
      lifecycle.set('fenced', true);
      onDisplaced();
    } else if (lifecycle.state !== before) void this.report();
  }

  #doubt(isDoubted: boolean): void {
    const { options, logger } = this.#parts;
    if (isDoubted === this.#isDoubted) return;
    this.#isDoubted = isDoubted;
    const fields = { node: options.id, url: this.#url, ...this.stats() };
    if (isDoubted) logger.warn(fields, 'clients that were sent here do not come: others are preferred until one does');
    else logger.info(fields, 'clients that are sent here come');
  }
}
