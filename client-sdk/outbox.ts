// Publishes until they are done, in order: each is repeated with its key over every link, so it is stored once.

import type { Offset } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { createFailure, isFinal, misuse } from './errors.js';
import type { Outgoing } from './link.js';
import { CLOSE_REFUSED, CLOSE_UNAUTHORIZED, MAX_QUEUED, PUBLISH_TIMEOUT_MS, REPEAT_FAILURES } from './numbers.js';
import type { Settings } from './settings.js';
import type { PublishOptions } from './types.js';

export interface Outbox {
  /** Throws `TypeError` when `data` is no JSON value. */
  add(channel: string, data: unknown, options: PublishOptions): Promise<{ readonly offset: Offset }>;
  /** Sends again what was not done: there is a new link. */
  refresh(): void;
  /** Rejects what waits. */
  close(code: string): void;
}

interface Waiting extends Outgoing {
  /** On its way over the present link. */
  busy?: boolean;
}

const giveUp = (item: Outgoing, code: string) => item.done(createFailure(CLOSE_REFUSED, code));

/** `publish` returns whether the link took it: one that is busy, or is not there, does not. */
export const createOutbox = ({ timers, random }: Settings, publish: (outgoing: Outgoing) => boolean): Outbox => {
  const waiting = new Set<Waiting>();
  let paused = false;

  /** In order, as many as the link takes. */
  const send = () => {
    paused = false;
    for (const item of waiting) {
      item.busy ||= publish(item);
      if (!item.busy) return;
    }
  };

  return {
    // About 100 random bits; `crypto.randomUUID` is missing on pages without https.
    add(channel, data, { key = `${random()}${random()}`, signal }) {
      const body = JSON.parse(JSON.stringify({ channel, data, key }));
      if (!('data' in body)) misuse('data');
      return new Promise((resolve, reject) => {
        const expire = () => giveUp(item, 'timeout');
        const abort = () => giveUp(item, 'aborted');
        const item: Waiting = {
          body,
          done(failure, offset = '') {
            item.busy = false;
            if (failure && (!isFinal(failure) || failure.close === CLOSE_UNAUTHORIZED)) {
              if (!paused) timers.set(send, backoff(REPEAT_FAILURES, random(), failure.retryAfterMs));
              paused = true;
              return;
            }
            waiting.delete(item);
            timers.delete(expire);
            signal?.removeEventListener('abort', abort);
            if (failure) reject(failure);
            else resolve({ offset });
            if (!paused) send();
          },
        };
        if (waiting.size >= MAX_QUEUED) return giveUp(item, 'overflow');
        if (signal?.aborted) return abort();
        signal?.addEventListener('abort', abort);
        timers.set(expire, PUBLISH_TIMEOUT_MS);
        waiting.add(item);
        if (!paused) send();
      });
    },
    refresh() {
      for (const item of waiting) item.busy = false;
      send();
    },
    close(code) {
      for (const item of waiting) giveUp(item, code);
    },
  };
};
