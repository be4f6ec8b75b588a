// A reader that begins before its channel's position: what it has missed comes from history, and what comes meanwhile waits.

import type { Begin, Offset, PolledChannel } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import type { Channel, Reader } from './channel.js';
import { type Failure, isFinal, toFailure } from './errors.js';
import { CLOSE_UNAUTHORIZED, MAX_QUEUED, REPEAT_FAILURES } from './numbers.js';
import type { Settings } from './settings.js';

/**
 * Puts it onto the channel; returns what takes it away. `ask` fetches what comes from there on; `refused` is told when that will never be
 * answered.
 */
export const joinLate = (
  { timers, random }: Settings,
  channel: Channel,
  begin: Begin,
  read: Reader,
  ask: (name: string, begin: Begin) => Promise<PolledChannel | undefined>,
  refused: (failure: Failure) => void,
): (() => void) => {
  const { name, readers } = channel;
  let position = begin;
  /** What comes meanwhile; absent once it was too much. */
  let waiting: Parameters<Reader>[] | undefined = [];
  let isCaughtUp = false;
  let isAsking = false;

  const take = ({ offset, gap, messages = [] }: Partial<PolledChannel>) => {
    const start = typeof position === 'object' ? '-1' : position;
    // Where nothing is kept of what it has asked for, it is where history ends.
    const before = gap?.offset ?? (messages[0] ? start : (offset ?? start));
    read('state', { type: 'subscribed', offset: before, recovered: !gap });
    if (gap) read('gap', { type: 'gap', channel: name, ...gap });
    for (const message of messages) read('message', { type: 'message', channel: name, ...message });
    position = offset ?? position;
  };

  const again = (failure?: Failure) => timers.set(catchUp, backoff(REPEAT_FAILURES, random(), failure));

  const catchUp = async () => {
    timers.delete(catchUp);
    if (isAsking || isCaughtUp) return;
    isAsking = true;
    try {
      for (let more: boolean | undefined = true; more; ) {
        const before = position;
        const at = channel.position as Offset;
        const answer = await ask(name, before);
        if (!readers.has(reader)) return;
        // Nothing is kept of what it has asked for: it is where the channel was.
        take(answer ?? (/^\d/.test(before as string) ? {} : { offset: at }));
        // Some of what came meanwhile found no room: history has that too.
        more = answer?.more || !waiting;
        waiting ??= [];
        // More of nothing is a loop.
        if (answer?.more && before === position) return again();
      }
      const events = waiting ?? [];
      isCaughtUp = true;
      // Unless one of them is ahead, and the reader has begun again.
      for (const event of events) if (readers.has(reader)) read(...event);
    } catch (error) {
      const failure = toFailure(error, name);
      if (!readers.has(reader)) return;
      if (isFinal(failure) && failure.close !== CLOSE_UNAUTHORIZED) refused(failure);
      else again(failure);
    } finally {
      isAsking = false;
    }
  };

  const reader: Reader = (...event) => {
    const [type, value] = event;
    if (isCaughtUp || (value as { type: string }).type === 'closed') read(...event);
    else if (type !== 'state') {
      waiting?.push(event);
      if (waiting && waiting.length > MAX_QUEUED) waiting = undefined;
    } else if (channel.state.type === 'subscribed') catchUp();
  };

  readers.add(reader);
  if (channel.state.type === 'subscribed') catchUp();
  return () => {
    readers.delete(reader);
    timers.delete(catchUp);
  };
};
