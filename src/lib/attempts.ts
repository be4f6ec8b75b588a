// Several things that each are to be done whatever becomes of the others.

/** Runs one after the other, and remembers how many failed, and how the first did. */
export class Attempts {
  #failed = 0;
  #first: unknown;

  run(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.#failed++ === 0) this.#first = error;
    }
  }

  /** Throws `Error` with the first failure as its cause, and how many there were, if there was one. */
  end(what: string): void {
    if (this.#failed > 0) throw new Error(`${this.#failed} ${what}`, { cause: this.#first });
  }
}
