// Finds a place for a client: in the registry, or among the nodes last known while that is away.

import type { NodeRecord, Registry } from '../src/cluster/registry.js';
import { REGISTRY_RULES } from '../src/cluster/registry-rules.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import type { DiscoveryCheck } from './options.js';

export interface Place {
  readonly node: NodeRecord;
  /** Absent when the registry is away: nothing was reserved. */
  readonly reservation: string | undefined;
  readonly alternatives: readonly NodeRecord[];
}

export interface NodeDirectoryParts {
  readonly registry: Registry;
  readonly logger: Logger;
  /** Unix milliseconds that do not go back. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly lastKnownMs: number;
  readonly refreshMs: number;
}

/** Chosen: for so long after a failure the registry is not asked again, so that a hanging one slows only a few down. */
const PAUSE_MS = 1_000;
/** Chosen: Retry-After of a refusal lies between these, so that those refused do not come back all at once. */
const RETRY_MS = { least: 1_000, most: 5_000 };

/** Owns the timer that keeps the known nodes fresh. */
export class NodeDirectory {
  readonly #parts: NodeDirectoryParts;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #known: readonly NodeRecord[] = [];
  #knownAtMs = Number.NEGATIVE_INFINITY;
  /** When the registry answered or failed last, and since when it does. */
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #isAway = false;
  #sinceMs: number;
  #detail = 'not asked yet';

  constructor(parts: NodeDirectoryParts) {
    this.#parts = parts;
    this.#sinceMs = parts.clock();
    this.#timer = setInterval(() => void this.refresh(), parts.refreshMs).unref();
    void this.refresh();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Throws `no_capacity`, or `broker_unavailable` when the registry is away and no node is known; both with a time to retry. */
  async place(exclude: readonly string[]): Promise<Place> {
    const { clock } = this.#parts;
    if (this.#isAway && clock() - this.#failedAtMs < PAUSE_MS) return this.#placeAmongKnown(exclude);
    let assignment: Awaited<ReturnType<Registry['assign']>>;
    try {
      assignment = await this.#parts.registry.assign(exclude);
      this.#answered();
    } catch (error) {
      this.#failed(error);
      return this.#placeAmongKnown(exclude);
    }
    if (assignment !== undefined) {
      // One that came since the last refresh is worth knowing at once: the registry may be away at the next moment.
      if (!this.#known.some(({ id }) => id === assignment.node.id)) void this.refresh();
      return assignment;
    }
    // A registry that has just come back may not have heard of the nodes yet.
    if (this.#isRecovering()) return this.#placeAmongKnown(exclude);
    throw this.#refusal('no_capacity', 'no node can take the connection now');
  }

  /** The nodes that have reported lately. Throws `broker_unavailable`. */
  list(): Promise<readonly NodeRecord[]> {
    return this.#parts.registry.list();
  }

  requestDrain(id: string): Promise<boolean> {
    return this.#parts.registry.requestDrain(id);
  }

  /** Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Ready while clients can be placed: also among the nodes last known. */
  check(): DiscoveryCheck {
    const usable = this.#isKnownUsable();
    const ok = !this.#isAway || usable;
    const ageS = Math.round((this.#parts.clock() - this.#knownAtMs) / 1000);
    const detail = this.#isAway && usable ? `${this.#detail}; using the nodes known ${ageS} s ago` : this.#detail;
    return { name: 'registry', ok, sinceMs: this.#sinceMs, detail };
  }

  get knownNodes(): number {
    return this.#known.length;
  }

  async #refresh(): Promise<void> {
    try {
      const nodes = await this.#parts.registry.list();
      this.#answered();
      if (nodes.length === 0 && this.#isRecovering()) return;
      this.#known = nodes;
      this.#knownAtMs = this.#parts.clock();
    } catch (error) {
      this.#failed(error);
    }
  }

  #placeAmongKnown(exclude: readonly string[]): Place {
    const able = this.#isKnownUsable() ? this.#known.filter((node) => node.state === 'ready' && roomOf(node) > 0) : [];
    const wanted = able.filter((node) => !exclude.includes(node.id));
    const node = pickByRoom(wanted.length > 0 ? wanted : able, this.#parts.random());
    if (node === undefined) throw this.#refusal('broker_unavailable', 'the registry of nodes cannot be reached');
    const alternatives = wanted.filter((other) => other !== node).slice(0, REGISTRY_RULES.maxAlternatives);
    return { node, reservation: undefined, alternatives };
  }

  #isKnownUsable(): boolean {
    return this.#known.length > 0 && this.#parts.clock() - this.#knownAtMs <= this.#parts.lastKnownMs;
  }

  #isRecovering(): boolean {
    return this.#parts.clock() - this.#failedAtMs <= REGISTRY_RULES.graceMs;
  }

  #answered(): void {
    if (this.#isAway) this.#parts.logger.info({}, 'the registry of nodes is back');
    this.#turn(false, '');
  }

  #failed(error: unknown): void {
    this.#failedAtMs = this.#parts.clock();
    if (!this.#isAway) this.#parts.logger.warn({ error }, 'the registry of nodes is away; using the nodes last known');
    this.#turn(true, error instanceof FanfareError ? error.message : 'the registry failed');
  }

  #turn(isAway: boolean, detail: string): void {
    if (isAway !== this.#isAway) this.#sinceMs = this.#parts.clock();
    this.#isAway = isAway;
    this.#detail = detail;
  }

  #refusal(code: 'no_capacity' | 'broker_unavailable', message: string): FanfareError {
    const retryAfterMs = Math.round(RETRY_MS.least + this.#parts.random() * (RETRY_MS.most - RETRY_MS.least));
    return new FanfareError(code, message, { retryAfterMs });
  }
}

function roomOf(node: NodeRecord): number {
  return node.capacity - node.connections - node.reservations;
}

/** At random, each node as likely as it has room. */
function pickByRoom(nodes: readonly NodeRecord[], random: number): NodeRecord | undefined {
  let rest = random * nodes.reduce((sum, node) => sum + roomOf(node), 0);
  for (const node of nodes) {
    rest -= roomOf(node);
    if (rest < 0) return node;
  }
  return nodes.at(-1);
}
