// One end of a conversation between a tab and the hub: what is told, and what is asked and answered.

import { createFailure, toFailure } from '../errors.js';
import { CLOSE_NETWORK } from '../numbers.js';
import { DONE, FAILED } from './words.js';

/** A `MessagePort`, or a `BroadcastChannel` that two have opened. */
export type Port = {
  onmessage: ((event: never) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
};

export interface Talk {
  tell(word: number, value?: unknown): void;
  /** Rejects with the other's `Failure`, or when the conversation ends. */
  ask(word: number, value?: unknown): Promise<unknown>;
  /** Idempotent. */
  close(): void;
}

/** What is told has no number. */
type Told = readonly [number: number, word: number, value: unknown];

/** What of a failure is sent: errors lose their fields on the way. */
export type Sent = readonly [close: number, code: string, message: string, details: object];

export const pack = (error: unknown): Sent => {
  const { close, code, message, channel, retryAfterMs } = toFailure(error, 'hub');
  return [close, code, message, { channel, retryAfterMs }];
};

/** What `hear` answers, or throws, goes back to who has asked. */
export const createTalk = (port: Port, hear: (word: number, value: never) => unknown): Talk => {
  const waiting = new Map<number, (isDone: boolean, value: unknown) => void>();
  let isOpen = true;
  let serial = 0;

  const post = (...told: Told) => {
    if (isOpen) port.postMessage(told);
  };
  const answer = async (number: number, word: number, value: unknown) => {
    try {
      post(number, DONE, await hear(word, value as never));
    } catch (error) {
      post(number, FAILED, pack(error));
    }
  };
  port.onmessage = ({ data: [number, word, value] }: { readonly data: Told }) => {
    if (!isOpen) return;
    const settle = waiting.get(number);
    if (!number) hear(word, value as never);
    else if (word < DONE) answer(number, word, value);
    else if (waiting.delete(number)) settle?.(word === DONE, value);
  };
  return {
    tell: (word, value) => post(0, word, value),
    ask: (word, value) =>
      new Promise((resolve, reject) => {
        waiting.set(++serial, (isDone, value) => (isDone ? resolve(value) : reject(createFailure(...(value as Sent)))));
        post(serial, word, value);
      }),
    close() {
      isOpen = false;
      port.close();
      const failure = pack(createFailure(CLOSE_NETWORK, 'network'));
      for (const settle of waiting.values()) settle(false, failure);
    },
  };
};
