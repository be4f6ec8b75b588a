// Remembers for a while which transport to begin with, when the first one does not work here.

import type { Transport } from '../../src/protocol/index.js';
import type { Failure } from '../errors.js';
import type { Settings } from '../settings.js';

/** After so long the first transport is tried again. */
const REMEMBER_MS = 300_000;
/** A transport whose links die so young, so many times in a row, does not work here. */
const YOUNG_MS = 5_000;
const YOUNG_DEATHS = 3;

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
export function createTransportMemory(names: readonly Transport[], settings: Settings): TransportMemory {
  const { clock, url } = settings;
  const key = `fanfare:${url}`;
  const storage = settings.storage ?? sessionStorageOrNone();
  let [preferred = '', untilMs = 0] = read();
  let deaths = 0;

  function read(): [string?, number?] {
    try {
      const [name, until] = storage?.getItem(key)?.split(' ') ?? [];
      return [name, Math.min(Number(until), clock.now() + REMEMBER_MS)];
    } catch {
      // A page that may not read it has no memory.
      return [];
    }
  }
  const prefer = (name: string) => {
    preferred = name;
    untilMs = clock.now() + REMEMBER_MS;
    try {
      storage?.setItem(key, `${name} ${untilMs}`);
    } catch {
      // Full or forbidden: then this page alone remembers.
    }
  };
  return {
    order() {
      const index = untilMs > clock.now() ? Math.max(0, names.indexOf(preferred as Transport)) : 0;
      return [...names.slice(index), ...names.slice(0, index)];
    },
    worked(transport) {
      if (transport !== preferred || untilMs <= clock.now()) prefer(transport);
      return transport === names[0] ? 0 : untilMs - clock.now();
    },
    lost(transport, { close, code }, livedMs) {
      // A server's word says nothing about the transport.
      if (close >= 4000) return;
      deaths = livedMs < YOUNG_MS || code === 'heartbeat_timeout' ? deaths + 1 : 0;
      if (deaths < YOUNG_DEATHS) return;
      deaths = 0;
      prefer(names[(names.indexOf(transport) + 1) % names.length] ?? transport);
    },
    forget() {
      untilMs = 0;
    },
  };
}

function sessionStorageOrNone(): Settings['storage'] {
  try {
    return globalThis.sessionStorage;
  } catch {
    // The browser forbids it to this page.
    return undefined;
  }
}
