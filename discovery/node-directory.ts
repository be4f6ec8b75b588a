// Finds a place for a client: in the registry, or among the nodes last known while that is away.

import type { Asker, Assignment, NamedNode, NodeRecord, Registry } from '../src/cluster/registry.js';
import { REGISTRY_RULES } from '../src/cluster/registry-rules.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import { after } from '../src/lib/timers.js';
import type { Members, Strangeness } from './members.js';
import type { DiscoveryCheck } from './options.js';

export interface Place {
  readonly node: NamedNode;
  /** Absent where nothing was reserved: when the registry is away, and for an asker who has enough. */
  readonly reservation: string | undefined;
  readonly alternatives: readonly NamedNode[];
}

/** A node as operators see it. */
export interface ListedNode {
  readonly record: NodeRecord;
  readonly problem: Strangeness | NodeRecord['doubt'];
}

export interface NodeDirectoryParts {
  readonly registry: Registry;
  readonly members: Members;
  readonly logger: Logger;
  /** Unix milliseconds that do not go back. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly lastKnownMs: number;
  readonly refreshMs: number;
}

/** Chosen: for so long after a failure the registry is not asked again, so that a hanging one slows only a few down. */
const PAUSE_MS = 1_000;
/** Strangers that readiness names. */
const MAX_NAMED = 8;
/** Chosen: while no node can be used, one that begins is found that soon. */
const LOOK_EVERY_MS = 500;
/** Chosen: Retry-After of a refusal lies between these, so that those refused do not come back all at once. */
const RETRY_MS = { least: 1_000, most: 5_000 };

/** Owns the timer that keeps the known nodes fresh. */
export class NodeDirectory {
  readonly #parts: NodeDirectoryParts;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #refreshing: Promise<void> | undefined;
  #known: readonly NodeRecord[] = [];
  #knownAtMs = Number.NEGATIVE_INFINITY;
  /** The members among them: id → URL, and the ids. */
  #members: ReadonlyMap<string, string> = new Map();
  #allowed: readonly string[] = [];
  /** Nodes that say that they are ready and are no members. */
  #strangers = 0;
  /** When the registry answered or failed last, and since when it does. */
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #isAway = false;
  #sinceMs: number;
  #wasOk = false;
  #detail = 'not asked yet';
  /** One request at a time finds out whether a registry that was away is back; it may hang for a while. */
  #isTrying = false;

  constructor(parts: NodeDirectoryParts) {
    this.#parts = parts;
    this.#sinceMs = parts.clock();
    this.#look();
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#isClosed = true;
  }

  /** Throws `no_capacity`, or `broker_unavailable` when the registry is away and no node is known; both with a time to retry. */
  async place(exclude: readonly string[], asker: Asker): Promise<Place> {
    const isTry = this.#isAway;
    if (isTry && (this.#isTrying || this.#parts.clock() - this.#failedAtMs < PAUSE_MS)) {
      return this.#placeAmongKnown(exclude);
    }
    let assignment: Assignment | undefined;
    if (isTry) this.#isTrying = true;
    try {
      assignment = await this.#assign(exclude, asker);
    } catch (error) {
      this.#failed(error);
    } finally {
      if (isTry) this.#isTrying = false;
    }
    if (assignment !== undefined) return this.#placeOf(assignment);
    // A registry that has just come back may not have heard of the nodes yet.
    if (this.#isAway || this.#isRecovering()) return this.#placeAmongKnown(exclude);
    throw this.#refusal('no_capacity', 'no node can take the connection now');
  }

  /** The nodes that have reported lately. Throws `broker_unavailable`. */
  async list(): Promise<readonly ListedNode[]> {
    const nodes = await this.#parts.registry.list();
    return nodes.map((record) => ({ record, problem: this.#parts.members.strangeness(record) ?? record.doubt }));
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

  /** Ready while it knows nodes that can be used: clients are placed among those last known, too. */
  check(): DiscoveryCheck {
    const ok = this.#isKnownUsable();
    if (ok !== this.#wasOk) this.#sinceMs = this.#parts.clock();
    this.#wasOk = ok;
    const ageS = Math.round((this.#parts.clock() - this.#knownAtMs) / 1000);
    const texts = [
      this.#detail,
      this.#isAway && ok ? `using the nodes known ${ageS} s ago` : '',
      !this.#isAway && !ok ? 'no node is known that can be used' : '',
      ...this.#leftOut(),
    ];
    return { name: 'registry', ok, sinceMs: this.#sinceMs, detail: texts.filter((text) => text !== '').join('; ') };
  }

  get knownNodes(): number {
    return this.#known.length;
  }

  get usableNodes(): number {
    return this.#usable().length;
  }

  /** Asks anew, soon where no node can be used. */
  #look(): void {
    void this.refresh().finally(() => {
      if (this.#isClosed) return;
      this.check();
      const { refreshMs } = this.#parts;
      const afterMs = this.#isKnownUsable() ? refreshMs : Math.min(LOOK_EVERY_MS, refreshMs);
      this.#timer = after(afterMs, () => this.#look()).unref();
    });
  }

  async #refresh(): Promise<void> {
    const { registry, members } = this.#parts;
    try {
      const nodes = await registry.list(members.signer);
      // It answers, and who lives is not written down any more: those known stay usable as long as it does.
      if (registry.refusal !== undefined) this.#failed(registry.refusal);
      else this.#answered();
      members.tell(nodes);
      if (nodes.length === 0 && this.#isRecovering()) return;
      this.#known = nodes;
      this.#knownAtMs = this.#parts.clock();
      this.#members = new Map(nodes.filter((node) => this.#isMember(node)).map(({ id, url }) => [id, url]));
      this.#allowed = [...this.#members.keys()];
      this.#strangers = nodes.filter((node) => node.state === 'ready' && !this.#isMember(node)).length;
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Among all where no stranger is known, so that who has just come is used at once: the record of the node that was chosen
   * brings its proof. Among members only where there are strangers, or one was chosen.
   */
  async #assign(exclude: readonly string[], asker: Asker): Promise<Assignment | undefined> {
    const before = this.#strangers > 0 ? this.#allowed : undefined;
    const first = await this.#assignAmong(exclude, asker, before);
    if (first !== undefined) return first;
    await this.refresh();
    return before !== undefined && isSameSet(before, this.#allowed)
      ? undefined
      : this.#assignAmong(exclude, asker, this.#allowed);
  }

  async #assignAmong(
    exclude: readonly string[],
    asker: Asker,
    allowed?: readonly string[],
  ): Promise<Assignment | undefined> {
    if (allowed?.length === 0) return undefined;
    const assignment = await this.#parts.registry.assign(exclude, allowed, asker);
    this.#answered();
    if (assignment === undefined) return undefined;
    const { node, others } = assignment;
    // One has come since they were looked at; strangers that are known are not looked at again.
    if (others > this.#strangers || this.#members.get(node.id) !== node.url) void this.refresh();
    // What was reserved at one that is no member lapses.
    return this.#isMember(node) ? assignment : undefined;
  }

  /** Alternatives are named without their proofs: they are members where they are known as such at this URL. */
  async #placeOf({ node, reservation, alternatives }: Assignment): Promise<Place> {
    const isMember = ({ id, url }: NamedNode) => this.#members.get(id) === url;
    if (!alternatives.every(isMember)) await this.refresh();
    return { node, reservation, alternatives: alternatives.filter(isMember) };
  }

  #isMember(record: NodeRecord): boolean {
    return this.#parts.members.strangeness(record) === undefined;
  }

  /** Members that may get clients, now or when they have room. */
  #usable(): readonly NodeRecord[] {
    return this.#known.filter((node) => (node.state === 'ready' || node.state === 'full') && this.#isMember(node));
  }

  #leftOut(): readonly string[] {
    const strangers = this.#known.filter((node) => this.#parts.members.strangeness(node) === 'foreign_secret');
    if (strangers.length === 0) return [];
    const names = strangers.slice(0, MAX_NAMED).map(({ id }) => id);
    return [`foreign_secret: ${names.join(', ')}${strangers.length > MAX_NAMED ? ' …' : ''} of ${this.#known.length}`];
  }

  #placeAmongKnown(exclude: readonly string[]): Place {
    const able = this.#isKnownFresh()
      ? bestOf(this.#known.filter((node) => roomOf(node) > 0 && this.#isMember(node)))
      : [];
    const wanted = able.filter((node) => !exclude.includes(node.id));
    const node = pickByRoom(wanted.length > 0 ? wanted : able, this.#parts.random());
    if (node === undefined) throw this.#refusal('broker_unavailable', 'the registry of nodes cannot be reached');
    const alternatives = wanted.filter((other) => other !== node).slice(0, REGISTRY_RULES.maxAlternatives);
    return { node, reservation: undefined, alternatives };
  }

  #isKnownUsable(): boolean {
    return this.#isKnownFresh() && this.#usable().length > 0;
  }

  #isKnownFresh(): boolean {
    return this.#parts.clock() - this.#knownAtMs <= this.#parts.lastKnownMs;
  }

  #isRecovering(): boolean {
    return this.#parts.clock() - this.#failedAtMs <= REGISTRY_RULES.graceMs;
  }

  #answered(): void {
    if (this.#isAway) this.#parts.logger.info({}, 'the registry of nodes is back');
    this.#isAway = false;
    this.#detail = '';
  }

  #failed(error: unknown): void {
    this.#failedAtMs = this.#parts.clock();
    if (!this.#isAway) this.#parts.logger.warn({ error }, 'the registry of nodes is away; using the nodes last known');
    this.#isAway = true;
    this.#detail = error instanceof FanfareError ? error.message : 'the registry failed';
  }

  #refusal(code: 'no_capacity' | 'broker_unavailable', message: string): FanfareError {
    const retryAfterMs = Math.round(RETRY_MS.least + this.#parts.random() * (RETRY_MS.most - RETRY_MS.least));
    return new FanfareError(code, message, { retryAfterMs });
  }
}

function roomOf(node: NodeRecord): number {
  return node.capacity - node.connections - node.reservations;
}

/** Of nodes with room those that are ready and not doubted; else those that are ready; else those that may hear again soon. */
function bestOf(nodes: readonly NodeRecord[]): readonly NodeRecord[] {
  const ready = nodes.filter(({ state }) => state === 'ready');
  const trusted = ready.filter(({ doubt }) => doubt === undefined);
  if (trusted.length > 0) return trusted;
  return ready.length > 0 ? ready : nodes.filter(({ state }) => state === 'deaf');
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
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
