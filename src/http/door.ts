// The first steps of every door, of node and discovery alike: origin, address, identity, and then the limits of who it is.

import type { Identity } from '../auth/identity.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { SubjectKeys, SubjectLimit } from '../limits/subject-limit.js';
import type { Origins } from './origins.js';
import { Refusals } from './refusals.js';

export interface DoorParts {
  readonly origins: Origins;
  readonly logger: Logger;
  /** Counts everybody by address, whoever it is; `undefined`: nobody is counted so. */
  readonly addresses?: SubjectLimit | undefined;
}

/**
 * Each step throws what the client is told. They are taken in the order in which they stand here; what follows them (room,
 * grant, price, reservation) is for the door that has it.
 */
export abstract class Door {
  readonly refusals: Refusals;
  readonly #origins: Origins;
  readonly #addresses: SubjectLimit | undefined;

  constructor({ origins, logger, addresses }: DoorParts) {
    this.refusals = new Refusals(logger);
    this.#origins = origins;
    this.#addresses = addresses;
  }

  /** The `Origin` header if it may be answered to, for CORS headers. */
  allowed(origin: string | undefined): string | undefined {
    return this.#origins.allows(origin) ? origin : undefined;
  }

  /** Throws `origin_denied`. */
  requireOrigin(origin: string | undefined): void {
    if (!this.#origins.allows(origin)) {
      throw new FanfareError('origin_denied', 'Origin: not on the allow-list');
    }
  }

  /** Spends a unit of the address. Throws `rate_limited`. */
  arrive(keys: SubjectKeys, nowMs: number): void {
    this.#addresses?.spend(keys, 1, nowMs);
  }

  /** Who shows this token, or none. Throws or rejects with a `token_…` code or `wrong_token_kind`. */
  abstract identify(token: string | undefined): Identity | Promise<Identity>;
}
