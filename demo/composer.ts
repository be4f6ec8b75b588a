// The form that publishes: what is typed, or a burst of twenty.

import { part, write } from './dom.js';
import { plural } from './format.js';
import { nowMs, type Payload } from './payload.js';

const BURST = 20;

const PROBLEMS: Readonly<Record<string, string>> = {
  forbidden: 'This channel does not take messages from pages.',
  payload_too_large: 'Too long: a message has at most 64 KiB.',
  timeout: 'No answer for 30 seconds. It may or may not be stored.',
  overflow: 'Too many messages are waiting for the connection.',
  closed: 'The client is closed. Connect again first.',
};

export interface ComposerParts {
  readonly name: string;
  readonly publish: (payload: Payload) => Promise<unknown>;
}

export class Composer {
  readonly #parts: ComposerParts;
  readonly #form = part('composer', HTMLFormElement);
  readonly #input = part('text', HTMLInputElement);
  readonly #hint = part('composer-hint', HTMLElement);
  readonly #problem = part('composer-problem', HTMLElement);
  readonly #target = part('target', HTMLElement);
  readonly #announcer = part('announcer', HTMLElement);
  /** Publishes that have no answer yet. */
  #waiting = 0;
  /** Some of them were refused for now, and are repeated. */
  #isLimited = false;
  #isCut = false;

  constructor(parts: ComposerParts) {
    this.#parts = parts;
    write(part('name', HTMLElement), parts.name);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      this.#input.value = '';
      this.#input.focus();
      void this.#publish(text === '' ? 'Ta-da!' : text);
    });
    part('burst', HTMLButtonElement).addEventListener('click', () => {
      for (let count = 1; count <= BURST; count++) void this.#publish(`Burst ${count} of ${BURST}`, true);
    });
  }

  showTarget(channel: string): void {
    write(this.#target, channel);
  }

  /** While the network is cut, what is published takes another way. */
  showCut(isCut: boolean): void {
    this.#isCut = isCut;
    this.#showHint();
  }

  /** A publish was refused for now: the SDK waits and repeats it, and whoever looks on should know what for. */
  limited(): void {
    if (this.#waiting === 0) return;
    if (!this.#isLimited) write(this.#announcer, 'Waiting for the rate limit');
    this.#isLimited = true;
    this.#showHint();
  }

  #showHint(): void {
    this.#form.dataset.limited = String(this.#isLimited);
    if (this.#isLimited) {
      write(this.#hint, `Waiting for the rate limit: ${plural(this.#waiting, 'message')} still to go.`);
    } else if (this.#isCut) {
      write(this.#hint, 'You are cut off: this goes through a second client on this page, as if from elsewhere.');
    } else write(this.#hint, 'Press Enter. Everybody in the channel has it at once, you too.');
  }

  async #publish(text: string, burst = false): Promise<void> {
    this.#waiting++;
    try {
      const payload = { text, by: this.#parts.name, sentAtMs: nowMs() };
      await this.#parts.publish(burst ? { ...payload, burst } : payload);
      write(this.#problem, '');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      write(this.#problem, `Not published. ${PROBLEMS[code] ?? `The answer was ${code}.`}`);
    } finally {
      this.#waiting--;
      this.#isLimited &&= this.#waiting > 0;
      this.#showHint();
    }
  }
}
