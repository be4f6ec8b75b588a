// What a link asks of its node's door.

import type { Identity } from '../../auth/identity.js';

/** The door, as a link meets it. */
export interface LinkDoor {
  /** Throws `overloaded` or `draining`. */
  requireRoom(): void;
  /** Who shows this ticket; throws or rejects with a code. */
  identifyOnce(ticket: string): Identity | Promise<Identity>;
  claim(identity: Identity): void;
  /** Counts what a client was told of one of its commands. */
  count(error: unknown): void;
  /** Counts and logs that this ticket, or who came without one, may not come in. */
  turnAway(error: unknown, ticket: string | undefined): void;
}
