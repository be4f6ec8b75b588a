// Publishes until they are answered, in order: each is repeated with its key over every link, so it is stored once.

import type { Offset } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { CLOSE_NORMAL, CLOSE_UNAUTHORIZED, createFailure, isFinal, misuse } from './errors.js';
import type { Outgoing } from './link.js';
import type { Settings } from './settings.js';
import { createTimers } from './timers.js';
import type { PublishOptions } from './types.js';

export interface Outbox {
  /** Throws `TypeError` when `data` is no JSON value. */
  add(channel: string, data: unknown, options: PublishOptions): Promise<{ readonly offset: Offset }>;
  /** Sends again what was not answered: there is a new link. */
  restart(): void;
  /** Rejects what waits. */
  close(code: string): void;
}

interface Waiting extends Outgoing {
  /** On its way over the present link. */
  busy?: boolean;
  giveUp(code: string): void;
}

/** `publish` returns whether the link took it: one that is busy, or is not there, does not. */
export function createOutbox(
  { clock, random, maxQueued, publishTimeoutMs }: Settings,
  publish: (outgoing: Outgoing) => boolean,
): Outbox {
  const waiting = new Set<Waiting>();
  const timers = createTimers(clock);
  // About 100 random bits; `crypto.randomUUID` is missing on pages without https.
  const prefix = `${random()}${random()}`;
  let serial = 0;
  let failures = 0;
  let paused = false;

  /** In order, as many as the link takes. */
  const send = () => {
    paused = false;
    for (const item of waiting) {
      item.busy ||= publish(item);
      if (!item.busy) return;
    }
  };
  const next = () => {
    if (!paused) send();
  };

  const wait = (body: string, signal: AbortSignal | undefined) =>
    new Promise<{ readonly offset: Offset }>((resolve, reject) => {
      const settle = () => {
        waiting.delete(item);
        timers.clear(item);
        signal?.removeEventListener('abort', abort);
        next();
      };
      const abort = () => item.giveUp('aborted');
      const item: Waiting = {
        body,
        giveUp(code) {
          reject(createFailure(CLOSE_NORMAL, code, code, { outcome: 'unknown' }));
          settle();
        },
        done(offset) {
          failures = 0;
          resolve({ offset });
          settle();
        },
        fail(failure) {
          item.busy = false;
          if (isFinal(failure) && failure.close !== CLOSE_UNAUTHORIZED) {
            reject(failure);
            settle();
          } else if (!paused) {
            paused = true;
            timers.set(send, (failure.retryAfterMs ?? 0) + backoff(failures++, random()), send);
          }
        },
      };
      if (waiting.size >= maxQueued) return reject(createFailure(CLOSE_NORMAL, 'overflow'));
      waiting.add(item);
      timers.set(item, publishTimeoutMs, () => item.giveUp('timeout'));
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      else next();
    });

  return {
    add(channel, data, { key = `${prefix}-${++serial}`, signal }) {
      const json = JSON.stringify(data);
      if (!json) misuse('data');
      return wait(`{"channel":"${channel}","data":${json},"key":${JSON.stringify(key)}}`, signal);
    },
    restart() {
      for (const item of waiting) item.busy = false;
      send();
    },
    close(code) {
      for (const item of waiting) item.giveUp(code);
      timers.clearAll();
    },
  };
}
