// A run's history in memory: each message, publication and fault once, and what each subscriber was told, in order.

import type { Damage, FinalLog, Instant, PublishRoute } from './history.js';

/** A value and what became of publishing it. */
export interface Publication {
  readonly value: string;
  channel: string;
  by: PublishRoute | undefined;
  key: string | undefined;
  /** How many replicas had it when it was acknowledged. */
  waitReplicas: number;
  /** Of the first attempt; `Infinity`: nobody published it. */
  invokedAt: Instant;
  /** Of the first acknowledgement. */
  acknowledgedAt: Instant;
  /** May or may not be stored, for all that its publisher was told. */
  unknown: boolean;
  failed: boolean;
  readonly entries: Entry[];
}

/** A value at an offset of a channel: from an acknowledgement, a delivery or the final log. */
export interface Entry {
  readonly kind: 'entry';
  readonly channel: Channel;
  readonly offset: string;
  readonly publication: Publication;
  /** When somebody first knew of it; `Infinity` when only the final log does. */
  knownAt: Instant;
  /** Whether the final log has it. */
  held: boolean;
  /** Its place among what is known of the channel; -1: not among it. */
  rank: number;
  /** Another value was known at the same offset before. */
  readonly rivalOf: Entry | undefined;
}

export interface Gap {
  readonly kind: 'gap';
  readonly after: string;
  readonly offset: string;
  readonly reason: string;
}

export type Step = Entry | Gap;

/** What a subscriber was told, and when: two arrays of one length. */
export interface Steps {
  readonly at: readonly Instant[];
  readonly what: readonly Step[];
}

export interface Channel {
  readonly name: string;
  readonly entries: Map<string, Entry>;
  /** All that anybody knew of, in the order of offsets. */
  known: readonly Entry[];
  log: FinalLog | undefined;
  /** Publications of the channel of which no offset is known. */
  unplaced: number;
}

export interface Subscription {
  readonly client: string;
  readonly channel: Channel;
  /** `undefined`: it was told something that it had not asked for. */
  after: string | undefined;
  readonly steps: Steps;
}

export interface Acknowledgement {
  readonly t: Instant;
  readonly channel: Channel;
  readonly publication: Publication;
  /** Absent on the queue. */
  readonly entry: Entry | undefined;
}

export interface Fault {
  readonly number: number;
  readonly name: string;
  damage: Damage;
  injectedAt: Instant;
  healedAt: Instant | undefined;
  recoveredAt: Instant | undefined;
  readonly details: string[];
}

export interface History {
  readonly channels: ReadonlyMap<string, Channel>;
  readonly publications: ReadonlyMap<string, Publication>;
  readonly acknowledgements: readonly Acknowledgement[];
  readonly subscriptions: readonly Subscription[];
  /** By the time of their injection. */
  readonly faults: readonly Fault[];
  readonly connected: { readonly times: ReadonlyMap<string, number>; readonly transports: ReadonlySet<string> };
  /** Last lines that were cut in the middle, which happens to a process that is killed. */
  readonly cutLines: number;
  readonly endsAt: Instant;
}

/** A value of which only that much is known. */
export function unpublished(value: string): Publication {
  const never = Number.POSITIVE_INFINITY;
  return {
    value,
    channel: '',
    by: undefined,
    key: undefined,
    waitReplicas: 0,
    invokedAt: never,
    acknowledgedAt: never,
    unknown: false,
    failed: false,
    entries: [],
  };
}

/** An entry that the channel does not know of yet. */
export function newEntry(
  channel: Channel,
  offset: string,
  publication: Publication,
  knownAt: Instant,
  rivalOf?: Entry,
): Entry {
  return { kind: 'entry', channel, offset, publication, knownAt, held: false, rank: -1, rivalOf };
}

/** How many of the channel's known entries lie at or before `offset`. */
export function countUpTo({ known }: Channel, offset: string): number {
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((known[middle]?.offset ?? '') <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
