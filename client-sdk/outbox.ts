// Publishes until they are answered: each is repeated with its key over every link, so it is stored once.

import type { Offset } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { CLOSE_NORMAL, CLOSE_UNAUTHORIZED, createFailure, isFinal, misuse } from './errors.js';
import type { Link, Outgoing } from './link.js';
import type { Settings } from './settings.js';
import { createTimers } from './timers.js';
import type { PublishOptions } from './types.js';

export interface Outbox {
  /** Throws `TypeError` when `data` is no JSON value. */
  add(channel: string, data: unknown, options: PublishOptions): Promise<{ readonly offset: Offset }>;
  /** Sends what waits, and what comes, over `link`; `undefined` when there is none. */
  use(link: Link | undefined): void;
  /** Rejects what waits, and what comes. */
  close(code: string): void;
}

interface Waiting extends Outgoing {
  send(): void;
  giveUp(code: string): void;
}

export function createOutbox({ clock, random, maxQueued, publishTimeoutMs }: Settings): Outbox {
  const waiting = new Set<Waiting>();
  const timers = createTimers(clock);
  let link: Link | undefined;
  let closed: string | undefined;

  const wait = (body: string, signal: AbortSignal | undefined) =>
    new Promise<{ readonly offset: Offset }>((resolve, reject) => {
      let sent = false;
      let failures = 0;
      const settle = () => {
        waiting.delete(item);
        timers.clear(item);
        timers.clear(settle);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => item.giveUp('aborted');
      const item: Waiting = {
        body,
        send() {
          if (!link) return;
          sent = true;
          link.publish(item);
        },
        giveUp(code) {
          settle();
          reject(createFailure(CLOSE_NORMAL, code, code, { outcome: sent ? 'unknown' : undefined }));
        },
        done(offset) {
          settle();
          resolve({ offset });
        },
        fail(failure) {
          if (!waiting.has(item)) return;
          if (isFinal(failure) && failure.close !== CLOSE_UNAUTHORIZED) {
            settle();
            reject(failure);
          } else timers.set(item, (failure.retryAfterMs ?? 0) + backoff(failures++, random()), item.send);
        },
      };
      if (closed || signal?.aborted || waiting.size >= maxQueued) {
        return item.giveUp(closed ?? (signal?.aborted ? 'aborted' : 'overflow'));
      }
      signal?.addEventListener('abort', abort);
      timers.set(settle, publishTimeoutMs, () => item.giveUp('timeout'));
      waiting.add(item);
      item.send();
    });

  return {
    add(channel, data, { key = createKey(random), signal }) {
      const json = JSON.stringify(data);
      if (json === undefined) misuse('data');
      return wait(`{"channel":${JSON.stringify(channel)},"data":${json},"key":${JSON.stringify(key)}}`, signal);
    },
    use(next) {
      link = next;
      for (const item of waiting) item.send();
    },
    close(code) {
      closed = code;
      for (const item of waiting) item.giveUp(code);
    },
  };
}

/** About 100 random bits; `crypto.randomUUID` is missing on pages without https. */
function createKey(random: () => number): string {
  const part = () => random().toString(36).slice(2);
  return part() + part();
}
