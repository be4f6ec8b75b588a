// Reservations that clients have brought, until a report has told the registry of them.

/** More than a node can be assigned between two reports; beyond it reservations lapse by themselves. */
const MAX_PENDING = 20_000;

export class Reservations {
  #claimed = new Set<string>();

  claim(reservation: string | undefined): void {
    if (reservation !== undefined && this.#claimed.size < MAX_PENDING) this.#claimed.add(reservation);
  }

  /** Hands over all that was claimed since the last call. */
  take(): readonly string[] {
    const claimed = [...this.#claimed];
    this.#claimed = new Set();
    return claimed;
  }
}
