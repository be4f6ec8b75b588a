// Other tabs of this page: how many there are, found out by telling each other.

const ANNOUNCE_MS = 1_000;
/** Somebody who was not heard for so long is gone; browsers let hidden tabs speak once a second at least, later once a minute. */
const GONE_MS = 70_000;

export class Neighbours {
  /** What this tab is called, for people. */
  readonly name = `tab ${Math.random().toString(36).slice(2, 5)}`;
  readonly #channel = new BroadcastChannel('fanfare-demo-tabs');
  readonly #heardAtMs = new Map<string, number>();
  /** Called when others have come or gone, or may have. */
  onChange: () => void = () => {};

  constructor() {
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    addEventListener('pagehide', () => this.#say('gone'));
    addEventListener('pageshow', () => this.#say('here'));
    setInterval(() => this.#say('here'), ANNOUNCE_MS);
    this.#say('hello');
  }

  /** This one and the others. */
  get count(): number {
    return this.#heardAtMs.size + 1;
  }

  #say(word: 'hello' | 'here' | 'gone'): void {
    this.#channel.postMessage({ word, name: this.name });
    const nowMs = performance.now();
    for (const [name, atMs] of this.#heardAtMs) if (nowMs - atMs > GONE_MS) this.#heardAtMs.delete(name);
    this.onChange();
  }

  #hear({ word, name }: { readonly word: string; readonly name: string }): void {
    if (word === 'gone') this.#heardAtMs.delete(name);
    else this.#heardAtMs.set(name, performance.now());
    if (word === 'hello') this.#say('here');
    this.onChange();
  }
}
