// Remembers for a while which transport to begin with, when the first one does not work here.

import type { Transport } from '../../src/protocol/index.js';
import type { Failure } from '../errors.js';
import { REMEMBER_MS, YOUNG_DEATHS, YOUNG_MS } from '../numbers.js';
import type { Settings } from '../settings.js';

export interface TransportMemory {
  /** All transports, the one to begin with first. */
  order(): Transport[];
  /** Returns in how many milliseconds to try the first transport again; 0 when it is the first that worked. */
  worked(transport: Transport): number;
  /** A link of `transport` was lost after `livedMs`. */
  lost(transport: Transport, failure: Failure, livedMs: number): void;
  forget(): void;
}

/** Also keeps it in `storage`, for the next page of the same tab. */
export const createTransportMemory = (names: readonly Transport[], settings: Settings): TransportMemory => {
  const {
    clock: { now },
    url,
  } = settings;
  let index = 0;
  let untilMs = 0;
  let deaths = 0;

  /** Reads or writes; a page that may not has the memory of one page. */
  const store = (method: 'getItem' | 'setItem', value = ''): string => {
    try {
      return (settings.storage ?? sessionStorage)[method](`fanfare:${url}`, value) ?? '';
    } catch {
      return '';
    }
  };
  const prefer = (next: number) => {
    index = next;
    untilMs = now() + REMEMBER_MS;
    store('setItem', `${names[index]} ${untilMs}`);
  };

  const [name, until] = store('getItem').split(' ');
  index = names.indexOf(name as Transport);
  untilMs = Math.min(Number(until), now() + REMEMBER_MS);
  return {
    order() {
      if (!(index > 0 && untilMs > now())) index = 0;
      return [...names.slice(index), ...names.slice(0, index)];
    },
    worked(transport) {
      const next = names.indexOf(transport);
      if (next !== index) prefer(next);
      return next && Math.max(1, untilMs - now());
    },
    lost(transport, { close, code }, livedMs) {
      // A server's word says nothing about the transport.
      if (close >= 4000) return;
      deaths = livedMs < YOUNG_MS || code === 'heartbeat_timeout' ? deaths + 1 : 0;
      if (deaths < YOUNG_DEATHS) return;
      deaths = 0;
      prefer((names.indexOf(transport) + 1) % names.length);
    },
    forget() {
      index = 0;
    },
  };
};
