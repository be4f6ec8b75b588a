// What a link asks of its node's door.

import type { Identity } from '../../auth/identity.js';

/** The door, as a link meets it. */
export interface LinkDoor {
  /** By which limits count. */
  nowMs(): number;
  /** Throws `overloaded` or `draining`. */
  requireRoom(): void;
  /** Who shows this ticket; throws or rejects with a code. */
  identifyOnce(ticket: string): Identity | Promise<Identity>;
  /** Throws `revoked` where that has become known since it was identified. */
  requireGood(identity: Identity): void;
  claim(identity: Identity): void;
  /** Counts what a client was told of one of its commands. */
  count(error: unknown): void;
  /** Counts and logs that this ticket, or who came without one, may not come in. */
  turnAway(error: unknown, ticket: string | undefined): void;
}

export interface Verdict {
  /** Nobody waits for it any more. */
  readonly isOver: () => boolean;
  readonly accepted: (identity: Identity) => void;
  readonly refused: (error: unknown) => void;
}

/** Verifies at once where that is possible, so that a storm of tickets makes no promises; answers whether it comes later. */
export function verified(door: LinkDoor, ticket: string, { isOver, accepted, refused }: Verdict): boolean {
  let verdict: Identity | Promise<Identity>;
  try {
    verdict = door.identifyOnce(ticket);
  } catch (error) {
    refused(error);
    return false;
  }
  if (!(verdict instanceof Promise)) {
    accepted(verdict);
    return false;
  }
  verdict.then(
    (identity) => isOver() || accepted(identity),
    (error) => isOver() || refused(error),
  );
  return true;
}
