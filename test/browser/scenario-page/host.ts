// What a page, a worker or a process does in a scenario: it has one client of the built SDK, and keeps what that was told.

import type { createClient } from '../../../client-sdk/index.js';
import type { createSharedClient } from '../../../client-sdk/shared.js';
import type { Client, Clock, Transport } from '../../../client-sdk/types.js';

/** The client that a scenario wants. */
export interface Opening {
  readonly channel: string;
  /** With other tabs, by a worker or by a leader; without it, it has a connection of its own. */
  readonly sharing?: 'worker' | 'leader';
  readonly transports?: readonly Transport[];
  /** How many times faster than the host's its clock runs. */
  readonly speed?: number;
}

export type Order = { readonly open: Opening } | { readonly flood: number } | { readonly close: true };

/** What it was told since it was opened. */
export interface Known {
  readonly numbers: number[];
  gaps: number;
  /** Its states, each once in a row, a wait with its cause. */
  readonly states: string[];
  readonly errors: string[];
  /** What its function for tokens was called for. */
  readonly reasons: string[];
  /** With which codes its WebSockets were closed. */
  readonly closes: number[];
  transport?: string | undefined;
  openSockets: number;
  /** The page was kept while another was shown. */
  isRestored: boolean;
  /** What went wrong outside of the client. */
  problem?: string;
}

export interface Sdk {
  readonly createClient: typeof createClient;
  readonly createSharedClient: typeof createSharedClient;
}

export interface Host {
  obey(order: Order): void;
  look(): Known;
}

/** A clock that runs faster, and so whatever goes by it. */
const fasterClock = (speed: number): Clock => ({
  now: () => Date.now() * speed,
  monotonic: () => performance.now() * speed,
  setTimeout: (callback, ms) => setTimeout(callback, ms / speed),
  clearTimeout: (timer: number) => clearTimeout(timer),
});

/** Commands of the flood, which the SDK does not know of: nor is it told what the node says to them. */
const FLOOD_ID = 1_000_000;
const isAboutFlood = (data: unknown) => /"id":1\d{6}\b/.test(String(data));

/** From now on each WebSocket is kept, and its close code. */
const watchSockets = (closes: number[]): readonly WebSocket[] => {
  const sockets: WebSocket[] = [];
  globalThis.WebSocket = class extends globalThis.WebSocket {
    constructor(url: string | URL) {
      super(url);
      sockets.push(this);
      let hear: ((event: MessageEvent) => void) | null = null;
      Object.defineProperty(this, 'onmessage', {
        get: () => hear,
        set(listener) {
          hear = listener;
        },
      });
      this.addEventListener('message', (event) => isAboutFlood(event.data) || hear?.(event));
      this.addEventListener('close', ({ code }) => closes.push(code));
    }
  };
  return sockets;
};

/** `load` imports what a server has at that path. */
export const createHost = (origin: string, load: (path: string) => Promise<unknown>): Host => {
  const known: Known = {
    ...{ numbers: [], gaps: 0, states: [], errors: [], reasons: [], closes: [] },
    ...{ openSockets: 0, isRestored: false },
  };
  const sockets = watchSockets(known.closes);
  let client: Client | undefined;

  // Where there is a page.
  globalThis.addEventListener?.('pageshow', ({ persisted }) => {
    known.isRestored ||= persisted;
  });

  const token = async ({ reason }: { readonly reason: string }) => {
    known.reasons.push(reason);
    const response = await fetch(`${origin}/token`);
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    return response.text();
  };

  const open = async ({ channel, sharing, transports, speed = 1 }: Opening) => {
    const options = { url: origin, token, transports, ...(speed !== 1 && { clock: fasterClock(speed) }) };
    const sdk = (await load(sharing ? '/sdk-shared.js' : '/sdk.js')) as Sdk;
    const worker = sharing === 'leader' ? null : undefined;
    const mine = sharing ? sdk.createSharedClient({ ...options, worker }) : sdk.createClient(options);
    client = mine;
    mine.on('state', (state) => {
      const told = state.type === 'waiting' ? `waiting ${state.cause}` : state.type;
      if (known.states.at(-1) !== told) known.states.push(told);
      if (state.type === 'connected') known.transport = state.transport;
    });
    mine.on('error', ({ code }) => void known.errors.push(code));
    const subscription = mine.subscribe(channel, { after: '-1' }, ({ data }) => known.numbers.push(Number(data)));
    subscription.on('gap', () => {
      known.gaps++;
    });
  };

  /** As an application would that has gone wild. */
  const flood = (count: number) => {
    const socket = sockets.find(({ readyState, OPEN }) => readyState === OPEN);
    for (let n = 0; n < count; n++)
      socket?.send(JSON.stringify({ type: 'unsubscribe', id: FLOOD_ID + n, channels: ['x'] }));
  };

  return {
    obey(order) {
      if ('flood' in order) flood(order.flood);
      else if ('close' in order) client?.close();
      else
        open(order.open).catch((error) => {
          known.problem = String(error);
        });
    },
    look() {
      known.openSockets = sockets.filter(({ readyState, OPEN }) => readyState === OPEN).length;
      return known;
    },
  };
};
