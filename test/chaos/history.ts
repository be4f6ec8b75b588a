// What the processes of a chaos run write down: one JSON object a line, each process into a file of its own.

/** Milliseconds of the machine's monotonic clock, which all processes share. */
export type Instant = number;

export type HistoryEvent =
  | PublishInvoked
  | PublishEnded
  | Subscribed
  | Delivered
  | GapTold
  | StateSeen
  | FaultPhase
  | FinalLog;

interface Line {
  readonly t: Instant;
  readonly process: string;
}

export type PublishRoute = 'fcall' | 'http' | 'queue';

export interface PublishInvoked extends Line {
  readonly kind: 'invoke';
  readonly f: 'publish';
  readonly channel: string;
  /** Unique in the whole run; every attempt to publish it has the same idempotency key, where it has one. */
  readonly value: string;
  readonly by: PublishRoute;
  readonly key?: string;
  /** Acknowledged only when so many replicas have it. */
  readonly waitReplicas?: number;
}

/** `ok`: acknowledged. `info`: may or may not be published. `fail`: certainly is not. */
export interface PublishEnded extends Line {
  readonly kind: 'ok' | 'info' | 'fail';
  readonly f: 'publish';
  readonly channel: string;
  readonly value: string;
  /** Absent on the queue, whose acknowledgement is that the entry is kept. */
  readonly offset?: string;
  readonly error?: string;
}

/** A client asks for a channel for the first time, after this offset (`-1`: from the start). */
export interface Subscribed extends Line {
  readonly kind: 'invoke';
  readonly f: 'subscribe';
  readonly client: string;
  readonly channel: string;
  readonly offset: string;
}

export interface Delivered extends Line {
  readonly kind: 'ok';
  readonly f: 'deliver';
  readonly client: string;
  readonly channel: string;
  readonly offset: string;
  readonly value: string;
}

export interface GapTold extends Line {
  readonly kind: 'ok';
  readonly f: 'gap';
  readonly client: string;
  readonly channel: string;
  readonly after: string;
  readonly offset: string;
  readonly reason: string;
}

/** A client's link: `connected`, `waiting` … */
export interface StateSeen extends Line {
  readonly kind: 'info';
  readonly f: 'state';
  readonly client: string;
  readonly state: string;
  readonly transport?: string;
  readonly node?: string;
}

/** What a fault can do to history at worst: nothing, lose the newest acknowledged messages, lose all. */
export type Damage = 'none' | 'tail' | 'all';

export interface FaultPhase extends Line {
  readonly kind: 'info';
  readonly f: 'fault';
  /** Counts the faults of the run from 1. */
  readonly number: number;
  readonly fault: string;
  readonly phase: 'inject' | 'heal' | 'recovered';
  readonly damage: Damage;
  /** What it did to whom, and what was seen of it. */
  readonly detail: string;
  /** Nodes whose clients it may touch; absent: all. */
  readonly nodes?: readonly string[];
}

/** A channel's whole log after the run, oldest first. */
export interface FinalLog extends Line {
  readonly kind: 'ok';
  readonly f: 'log';
  readonly channel: string;
  /** More entries than this are trimmed. */
  readonly historySize: number;
  readonly tail: string;
  readonly entries: readonly (readonly [offset: string, value: string])[];
}
