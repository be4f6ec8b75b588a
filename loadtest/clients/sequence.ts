// Judges by their numbers what each client received: what is missing, what came twice, what came out of order.

/** Chosen: a healthy run skips no number; a run with more than this is lost anyway, and memory is bounded. */
const MOST_REMEMBERED = 100_000;

export class Sequence {
  /** Deliveries that a client had before, or that belong to an earlier window. */
  repeated = 0;
  /** Deliveries that came after one with a higher number. */
  disordered = 0;
  /** Numbers that were skipped beyond what is remembered. */
  private forgotten = 0;
  private remembered = 0;
  private next = new Uint32Array(64);
  private clients = 0;
  private first = 1;
  /** By place: the numbers that were skipped so far. */
  private readonly skipped = new Map<number, Set<number>>();

  /** Makes room for one more client and returns its place. */
  addClient(): number {
    if (this.clients === this.next.length) {
      const larger = new Uint32Array(this.next.length * 2);
      larger.set(this.next);
      this.next = larger;
    }
    this.next[this.clients] = this.first;
    this.clients += 1;
    return this.clients - 1;
  }

  /** Forgets everything: from now on each client is to get `first` and what follows. */
  reset(first: number): void {
    this.first = first;
    this.next.fill(first, 0, this.clients);
    this.skipped.clear();
    this.repeated = 0;
    this.disordered = 0;
    this.forgotten = 0;
    this.remembered = 0;
  }

  received(place: number, number: number): void {
    const next = this.next[place] ?? 0;
    if (number === next) this.next[place] = next + 1;
    else if (number > next) {
      this.skip(place, next, number);
      this.next[place] = number + 1;
    } else if (this.skipped.get(place)?.delete(number) === true) {
      this.remembered -= 1;
      this.disordered += 1;
    } else this.repeated += 1;
  }

  /** How many deliveries are missing, when the client at `place` is to have all numbers below `end(place)`. */
  lost(end: (place: number) => number): number {
    let lost = this.remembered + this.forgotten;
    for (let place = 0; place < this.clients; place += 1) lost += Math.max(0, end(place) - (this.next[place] ?? 0));
    return lost;
  }

  private skip(place: number, from: number, to: number): void {
    const numbers = this.skipped.get(place) ?? new Set();
    this.skipped.set(place, numbers);
    for (let number = from; number < to; number += 1) {
      if (this.remembered === MOST_REMEMBERED) {
        this.forgotten += to - number;
        return;
      }
      numbers.add(number);
      this.remembered += 1;
    }
  }
}
