// Publishes until they are done, those to one channel in order: each is repeated with its key over every link, so it is stored once.

import type { Offset } from '../src/protocol/index.js';
import { aSignal, checkOptions, isText, type Rule, refuseArgument } from './arguments.js';
import { backoff } from './backoff.js';
import { createChannelFailure, type Failure, isFinal } from './errors.js';
import type { Outgoing } from './link.js';
import {
  CLOSE_REFUSED,
  CLOSE_UNAUTHORIZED,
  MAX_DEPTH,
  MAX_QUEUED,
  PUBLISH_TIMEOUT_MS,
  REPEAT_FAILURES,
} from './numbers.js';
import { createSecret } from './secret.js';
import type { Settings } from './settings.js';
import type { PublishOptions } from './types.js';

const RULES: Readonly<Record<keyof PublishOptions, Rule>> = {
  key: isText(/^[!-~]{1,128}$/),
  signal: aSignal,
};

export interface Outbox {
  /** Throws `TypeError` when `data` is no JSON value, or the key breaks a rule. */
  add(channel: string, data: unknown, options: PublishOptions): Promise<{ readonly offset: Offset }>;
  /** Sends again what was not done: there is a new link. */
  refresh(): void;
  /** Rejects what waits; who does not look at a promise hears nothing of that. */
  close(code: string): void;
}

interface Waiting extends Outgoing {
  readonly channel: string;
  /** On its way over the present link. */
  busy?: boolean;
  /** Gives it up; its rejection is no news. */
  close(code: string): void;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  Object(value) === value && (!levels || Object.values(value as object).some((part) => isDeeper(part, levels - 1)));

/** A copy, so that repeating it repeats the same bytes. */
const copy = (body: { readonly channel: string; readonly data: unknown; readonly key: string }): object => {
  try {
    const copied = JSON.parse(JSON.stringify(body));
    if (!('data' in copied)) throw 'no JSON';
    if (isDeeper(copied, MAX_DEPTH)) throw `more than ${MAX_DEPTH - 1} levels deep`;
    return copied;
  } catch (why) {
    return refuseArgument('data', why);
  }
};

/** `publish` returns whether the link took it: one that is busy, or is not there, does not. */
export const createOutbox = ({ timers, random }: Settings, publish: (outgoing: Outgoing) => boolean): Outbox => {
  const waiting = new Set<Waiting>();
  /** Channels that are refused for now; what ends that. */
  const paused = new Map<string, () => void>();
  /** In a row. */
  let refusals = 0;
  let isHeld = false;

  /** As many as the link takes, but of each channel the next only: a node may refuse one for now and take the one behind it. */
  const send = () => {
    const channels = new Set(paused.keys());
    for (const item of [...waiting]) {
      if (isHeld || channels.has(item.channel)) continue;
      channels.add(item.channel);
      item.busy ||= publish(item);
      if (!item.busy) return;
    }
  };
  const release = () => {
    isHeld = false;
    refusals = 0;
    send();
  };

  /** The others go on, before it; but for a moment, where it may be all that are refused and each would be asked for in vain. */
  const pause = (channel: string, failure: Failure) => {
    const resume = () => {
      paused.delete(channel);
      send();
    };
    paused.set(channel, resume);
    timers.set(resume, backoff(REPEAT_FAILURES, random(), failure));
    for (const item of [...waiting]) if (item.channel === channel && waiting.delete(item)) waiting.add(item);
    if (refusals++) {
      isHeld = true;
      timers.set(release, backoff(REPEAT_FAILURES, random()));
    }
    send();
  };

  return {
    add(channel, data, options) {
      checkOptions(options, RULES);
      const { key = createSecret(), signal } = options;
      const body = copy({ channel, data, key });
      const promise = new Promise<{ readonly offset: Offset }>((resolve, reject) => {
        /** Why it was refused for now, the last time. */
        let refusal: Failure | undefined;
        const giveUp = (code: string, cause: unknown = refusal) =>
          item.done(createChannelFailure(channel, CLOSE_REFUSED, code, cause ? `${code}, ${cause}` : code, { cause }));
        const expire = () => giveUp('timeout');
        const abort = () => giveUp('aborted', signal?.reason);
        const item: Waiting = {
          type: 'publish',
          channel,
          body,
          done(failure, offset = '') {
            item.busy = false;
            if (failure && (!isFinal(failure) || failure.close === CLOSE_UNAUTHORIZED)) {
              refusal = failure;
              return pause(channel, failure);
            }
            waiting.delete(item);
            timers.delete(expire);
            signal?.removeEventListener('abort', abort);
            if (failure) reject(failure);
            else {
              refusals = 0;
              resolve({ offset });
            }
            send();
          },
          close(code) {
            promise.catch(() => {});
            giveUp(code);
          },
        };
        if (waiting.size >= MAX_QUEUED) return giveUp('overflow');
        if (signal?.aborted) return abort();
        signal?.addEventListener('abort', abort);
        timers.set(expire, PUBLISH_TIMEOUT_MS);
        waiting.add(item);
        send();
      });
      return promise;
    },
    refresh() {
      for (const item of waiting) item.busy = false;
      for (const resume of paused.values()) timers.delete(resume);
      paused.clear();
      release();
    },
    close(code) {
      for (const item of [...waiting]) item.close(code);
    },
  };
};
