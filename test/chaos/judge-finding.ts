// What the judge finds broken: the invariants' names, and one finding of one.

import type { Channel, Subscription } from './judge-history.js';

export const INVARIANTS = {
  order: 'order',
  oneValue: 'one value per offset',
  neighbours: 'neighbours',
  gaps: 'true gaps',
  silentLoss: 'no silent loss',
  duplicates: 'no duplicates',
  acknowledged: 'acknowledged is stored',
  invented: 'nothing invented',
  complete: 'complete',
  oneEntry: 'one entry per value',
} as const;

export type Invariant = (typeof INVARIANTS)[keyof typeof INVARIANTS];

export interface Finding {
  readonly invariant: Invariant;
  readonly channel: Channel;
  /** Absent where it is about the log or about publishing. */
  readonly subscription?: Subscription;
  /** Index of the step at which it shows; the number of steps where it is what is missing at the end. */
  readonly step?: number;
  /** When, for what has no step. */
  readonly t?: number;
  /** The offsets or values that it is about. */
  readonly subjects: readonly string[];
  readonly sentence: string;
}

export type Report = (finding: Finding) => void;
