// What a poll is charged beyond its price: the bytes that were read and answered, and the channels that a bad position opened.

import { BYTES_PER_UNIT } from '../../limits/byte-price.js';
import type { SubjectKeys, SubjectLimit } from '../../limits/subject-limit.js';
import type { Admission } from '../admission.js';
import { costOf, type Finding } from './poll-look.js';

export interface PollBillParts {
  readonly limit: Pick<SubjectLimit, 'charge'>;
  readonly openings: Pick<SubjectLimit, 'charge'>;
  readonly door: Pick<Admission, 'nowMs'>;
}

export class PollBill {
  readonly #parts: PollBillParts;
  readonly #keys: SubjectKeys;
  #paidBytes: number;

  /** `paid` units of its price count. */
  constructor(parts: PollBillParts, keys: SubjectKeys, paid: number) {
    this.#parts = parts;
    this.#keys = keys;
    this.#paidBytes = paid * BYTES_PER_UNIT;
  }

  /** For so many bytes in all, beyond what has been paid for. */
  charge(bytes: number): void {
    const missing = bytes - this.#paidBytes;
    if (missing <= 0) return;
    this.#paidBytes = bytes;
    this.#parts.limit.charge(this.#keys, missing / BYTES_PER_UNIT, this.#parts.door.nowMs());
  }

  /** For what was read to find these. */
  chargeRead(read: readonly Finding[]): void {
    const { bytes, openings } = costOf(read);
    this.charge(bytes);
    if (openings > 0) this.#parts.openings.charge(this.#keys, openings, this.#parts.door.nowMs());
  }
}
