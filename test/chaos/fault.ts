// What a fault of a chaos run is: something that begins, lasts and is healed, and says what was seen of it.

import type { Transport } from '../../client-sdk/types.js';
import type { Random } from '../support/random.js';
import type { Bed, Shape } from './beds.js';
import type { Fleet } from './fleet.js';
import type { Damage } from './history.js';

export interface Stage {
  readonly bed: Bed;
  readonly fleet: Fleet;
  readonly random: Random;
  /** Publishes so many long messages now, and resolves when they are stored. */
  burst(count: number): Promise<void>;
}

/** A fault that has begun. */
export interface Begun {
  /** Of what it did, with what was seen to happen. Throws when nothing was. */
  readonly detail: string;
  /** The nodes that it touches; absent: all. */
  readonly nodes?: readonly string[];
  /** Ends it, and answers what else was seen. */
  heal(): Promise<string | undefined>;
}

export interface Fault {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly damage: Damage;
  /** How long it lasts, from and to, in milliseconds. */
  readonly holdMs: readonly [number, number];
  /** Clients could be served again at once, by others, so that their recovery counts from the fault's beginning. */
  readonly leavesOthers?: boolean;
  /** By when 99 of 100 of those that it touches have to be served again, each transport by itself; absent: all of them within 30 s. */
  readonly recoversWithinMs?: Readonly<Record<Transport, number>>;
  begin(stage: Stage): Promise<Begun>;
}
