// The form that publishes: what is typed, or a burst of twenty.

import { part, write } from './dom.js';
import { nowMs, type Payload } from './payload.js';

const BURST = 20;

const PROBLEMS: Readonly<Record<string, string>> = {
  rate_limited: 'Too fast for the rate limit. Give it a second.',
  forbidden_channel: 'This channel does not take messages from pages.',
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
      for (let count = 1; count <= BURST; count++) void this.#publish(`Burst ${count} of ${BURST}`);
    });
  }

  showTarget(channel: string): void {
    write(this.#target, channel);
  }

  /** While the network is cut, what is published takes another way. */
  showCut(isCut: boolean): void {
    write(
      this.#hint,
      isCut
        ? 'You are cut off, so this goes through a second client on this page, as if from somewhere else.'
        : 'Press Enter. Everybody in the channel has it at once, you too.',
    );
  }

  async #publish(text: string): Promise<void> {
    try {
      await this.#parts.publish({ text, by: this.#parts.name, sentAtMs: nowMs() });
      write(this.#problem, '');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      write(this.#problem, `Not published. ${PROBLEMS[code] ?? `The answer was ${code}.`}`);
    }
  }
}
