// Which of the answers that nobody can be seen to read end their connection.

/** A node that has given fewer of them ends none: what they take together is little. */
const FREE = 1_000;
/**
 * Chosen: one of so many ends its connection. Some hundred KiB of them wait then for a peer that reads nothing, which is little more than
 * its kernel and ours hold; and a client that polls in vain each second connects anew every quarter of an hour.
 */
const ONE_OF = 1_024;

/**
 * uWebSockets.js keeps what a peer does not read, and of an answer without a body, or behind which it closes, it does not say
 * whether there is any. By chance, because whoever could know which one it will be would have others ended.
 */
export class Unread {
  #count = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  isOneTooMany(): boolean {
    return ++this.#count > FREE && this.#random() < 1 / ONE_OF;
  }
}
