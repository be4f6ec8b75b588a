// A broker's listener that keeps what it is told and lets a test wait for it.

import type { BrokerListener } from '../../src/broker/broker.js';

export interface Delivered {
  readonly channel: string;
  readonly offset: string | undefined;
  readonly previous: string | undefined;
  readonly data: string;
  readonly from: string | undefined;
}

export class RecordingListener implements BrokerListener {
  readonly messages: Delivered[] = [];
  readonly damages: { readonly channel: string; readonly reason: string; readonly cause: string }[] = [];
  readonly resubscriptions: string[] = [];
  readonly #waiting = new Set<() => void>();

  message(channel: string, message: Parameters<BrokerListener['message']>[1]): void {
    const { offset, previous } = message;
    this.messages.push({ channel, offset, previous, data: String(message.data), from: message.from?.toString() });
    this.#wake();
  }

  resubscribed(channels: readonly string[]): void {
    this.resubscriptions.push(...channels);
    this.#wake();
  }

  damaged(channel: string, reason: string, cause: string): void {
    this.damages.push({ channel, reason, cause });
    this.#wake();
  }

  /** The data of what a channel has received so far. */
  data(channel: string): string[] {
    return this.messages.filter((message) => message.channel === channel).map(({ data }) => data);
  }

  /** Resolves when `condition` holds; it is asked again at each thing that this listener is told. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}
