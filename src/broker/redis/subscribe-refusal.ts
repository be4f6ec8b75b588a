// That Redis refuses to have its user subscribe: only an operator ends that, so it is told, and asked again without hurry.

import type { Logger } from '../../lib/logger.js';
import type { RedisNames } from './names.js';
import { lackingRight } from './rights.js';

export class SubscribeRefusal {
  readonly #command: 'subscribe' | 'ssubscribe';
  readonly #names: RedisNames;
  readonly #logger: Logger;
  #reason = '';

  constructor(command: 'subscribe' | 'ssubscribe', names: RedisNames, logger: Logger) {
    this.#command = command;
    this.#names = names;
    this.#logger = logger;
  }

  /** What is lacking; empty while nothing is refused. */
  get reason(): string {
    return this.#reason;
  }

  /** Answers whether `error` is such a refusal. Logged once, until it has ended. */
  note(error: unknown): boolean {
    const lacking = lackingRight(error, this.#command, this.#names);
    if (lacking === undefined) return false;
    if (this.#reason === '') this.#logger.warn({}, `messages cannot be received: ${lacking.message}`);
    this.#reason = lacking.message;
    return true;
  }

  /** Redis takes subscriptions. Idempotent. */
  end(): void {
    if (this.#reason !== '') this.#logger.info({}, 'Redis takes subscriptions again');
    this.#reason = '';
  }
}
