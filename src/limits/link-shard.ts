// A part of all subjects whose links the cluster counts: what is told of them in one call, and what the answers say.

import type { SharedBound, SharedSubject, Telling } from './shared-subject.js';

/** What a node tells the store, of one part of the subjects. */
export interface LinkTelling {
  readonly shard: number;
  /** The last telling that was answered, as far as this node knows; 0: none. */
  readonly after: number;
  /** This telling. */
  readonly revision: number;
  /** Subjects and their links at this node, `''` where there are none. */
  readonly subjects: readonly { readonly subject: string; readonly links: string }[];
}

export interface LinkAnswer {
  /** Whether the store had what was told `after`: else it has lost some, and has to be told all. */
  readonly isKnown: boolean;
  /** Nodes that tell, this one included. */
  readonly nodes: number;
  /** The links at the other nodes, for each subject, by `;`. */
  readonly elsewhere: readonly string[];
}

/** Where nodes tell one another of their links. */
export interface LinkStore {
  /** Rejects where that cannot be done; whether it was is not known then. */
  tell(telling: LinkTelling): Promise<LinkAnswer>;
  /** The links of this node are none any more. */
  leave(shard: number): Promise<void>;
}

/** Chosen: an answer that takes longer is none. */
const PATIENCE_MS = 1_000;
/** Chosen: a link that ends has often a successor, as a poll has, and then there is nothing to be told. */
const LINGER_MS = 250;
/** Chosen: tabs that a browser opens again at the same moment. */
const AT_ONCE = 4;
/** Chosen: a call holds up Redis for no more than a millisecond or two. */
const MAX_SUBJECTS = 256;

export interface LinkShardParts {
  readonly index: number;
  readonly bound: SharedBound;
  readonly store: LinkStore;
  readonly clock: () => number;
  /** There may be more to be told. */
  readonly answered: () => void;
  /** Nobody has a link of it here any more, and the store knows. */
  readonly forget: (subject: SharedSubject) => void;
  /** So many links were let in that could not be counted. */
  readonly failedOpen: (links: number) => void;
}

/** States: `known` (the last call was answered), `away` (it was not: everybody is counted here alone), and either with a call under way. */
export class LinkShard {
  readonly #parts: LinkShardParts;
  readonly #subjects = new Set<SharedSubject>();
  /** Those to be told of. */
  readonly #dirty = new Set<SharedSubject>();
  #isAway = false;
  #askedAtMs: number | undefined;
  #revision = 0;
  #acknowledged = 0;
  #nodes = 1;
  #hasTold = false;

  constructor(parts: LinkShardParts) {
    this.#parts = parts;
  }

  /** What one node lets in of a subject before an answer has come: all nodes together the limit, where that is not very small. */
  get share(): number {
    if (this.#nodes === 1) return Number.POSITIVE_INFINITY;
    return Math.max(AT_ONCE, Math.ceil(this.#parts.bound.max / this.#nodes));
  }

  isAway(nowMs: number): boolean {
    return this.#isAway || (this.#askedAtMs !== undefined && nowMs - this.#askedAtMs > PATIENCE_MS);
  }

  /** It is told of with the next call. */
  touch(subject: SharedSubject): void {
    this.#subjects.add(subject);
    this.#dirty.add(subject);
  }

  /** Whether a call is to be made soon. While the store is away {@link beat} makes them. */
  get isWaiting(): boolean {
    return !this.#isAway && this.#askedAtMs === undefined && this.#dirty.size > 0;
  }

  /** Tells what has changed. */
  flush(): void {
    if (!this.isWaiting) return;
    const due = this.#due();
    if (due.length > 0) this.#tell(due);
  }

  /** Tells that this node lives, and asks again for those that have no room: some of their links may have ended elsewhere. */
  beat(): void {
    if (this.#askedAtMs !== undefined) return;
    // Little is sent in vain.
    if (this.#isAway) return this.#tell([]);
    const due = this.#due();
    for (const subject of this.#subjects) {
      if (due.length >= MAX_SUBJECTS) break;
      if (subject.isFull(this.#parts.bound.max) && !due.includes(subject)) due.push(subject);
    }
    this.#tell(due);
  }

  /** As far as that can be done. */
  leave(): void {
    if (this.#hasTold) this.#parts.store.leave(this.#parts.index).catch(() => undefined);
  }

  #due(): SharedSubject[] {
    const nowMs = this.#parts.clock();
    const due: SharedSubject[] = [];
    for (const subject of this.#dirty) {
      if (due.length >= MAX_SUBJECTS) break;
      if (nowMs - subject.leftAtMs < LINGER_MS && !subject.hasGrown) continue;
      this.#dirty.delete(subject);
      if (subject.isAsked || subject.told !== subject.own.text()) due.push(subject);
      else this.#isAsTold(subject);
    }
    return due;
  }

  /** A link has taken another's place, or has come and gone. */
  #isAsTold(subject: SharedSubject): void {
    subject.settle();
    if (subject.own.links === 0) this.#forget(subject);
  }

  #tell(due: readonly SharedSubject[]): void {
    const { store, index, clock } = this.#parts;
    const tellings = due.map((subject) => subject.telling());
    const subjects = tellings.map(({ subject, links }) => ({ subject: subject.digest, links }));
    this.#revision++;
    const revision = this.#revision;
    this.#askedAtMs = clock();
    this.#hasTold = true;
    store.tell({ shard: index, after: this.#acknowledged, revision, subjects }).then(
      (answer) => this.#hear(tellings, revision, answer),
      () => this.#fail(due),
    );
  }

  #hear(tellings: readonly Telling[], revision: number, { isKnown, nodes, elsewhere }: LinkAnswer): void {
    this.#askedAtMs = undefined;
    this.#isAway = false;
    this.#acknowledged = revision;
    this.#nodes = Math.max(1, nodes);
    // What was told in this call is there.
    if (!isKnown) for (const subject of this.#subjects) this.#retell(subject);
    for (const [at, telling] of tellings.entries()) {
      const { subject } = telling;
      subject.hear(telling, elsewhere[at] ?? '', this.#parts.bound);
      if (subject.own.text() !== telling.links) this.#dirty.add(subject);
      else if (telling.count > 0) this.#dirty.delete(subject);
      else this.#forget(subject);
    }
    this.#parts.answered();
  }

  #retell(subject: SharedSubject): void {
    subject.told = undefined;
    this.#dirty.add(subject);
  }

  #forget(subject: SharedSubject): void {
    this.#subjects.delete(subject);
    this.#dirty.delete(subject);
    this.#parts.forget(subject);
  }

  #fail(due: readonly SharedSubject[]): void {
    this.#askedAtMs = undefined;
    for (const subject of due) this.#retell(subject);
    if (this.#isAway) return;
    this.#isAway = true;
    let settled = 0;
    for (const subject of this.#subjects) settled += subject.settle();
    this.#parts.failedOpen(settled);
  }
}
