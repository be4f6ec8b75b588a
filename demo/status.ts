// Says where the client stands: a sentence for people, and the SDK's own state for developers.

import type { ClientState, Transport } from '../client-sdk/types.js';
import { part, write } from './dom.js';
import { TRANSPORT_NAMES } from './format.js';

const NATURE: Readonly<Record<Transport, string>> = {
  websocket: 'One socket stays open both ways. A message is here as soon as it is published.',
  sse: 'One HTTP response that never ends; each message is an event in it.',
  'long-poll': 'Each request waits at the node until there is something to tell.',
  'short-poll': 'The page asks every two seconds. It works everywhere, and latency is the price.',
};

const LOGGED_OUT = {
  title: 'Logged out',
  detail:
    'The server has revoked the token: whatever its user had open has ended, and no node lets it in again. Whoever logs in now gets another token, and goes on from the positions that were kept.',
};

/** How often the countdown to the next try is redrawn. */
const TICK_MS = 100;

export class Status {
  readonly #title = part('state-title', HTMLElement);
  readonly #detail = part('state-detail', HTMLElement);
  readonly #code = part('state-code', HTMLElement);
  readonly #again = part('connect-again', HTMLButtonElement);
  readonly #announcer = part('announcer', HTMLElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(connectAgain: () => void) {
    this.#again.addEventListener('click', connectAgain);
  }

  show(state: ClientState): void {
    clearInterval(this.#timer);
    const root = document.documentElement;
    root.dataset.state = state.type;
    if (state.type === 'connected') root.dataset.voice = state.transport;
    this.#again.hidden = state.type !== 'closed';
    write(this.#again, isLoggedOut(state) ? 'Log in again' : 'Connect again');
    write(this.#code, literal(state));
    const { title, detail } = describe(state);
    write(this.#title, title);
    write(this.#detail, detail);
    write(this.#announcer, title);
    if (state.type === 'waiting') this.#countDown(state.retryInMs, state.cause);
  }

  #countDown(retryInMs: number, cause: string): void {
    const atMs = performance.now() + retryInMs;
    this.#timer = setInterval(() => {
      const leftMs = Math.max(0, atMs - performance.now());
      write(this.#detail, waitingDetail(leftMs, cause));
      if (leftMs === 0) clearInterval(this.#timer);
    }, TICK_MS);
  }
}

function isLoggedOut(state: ClientState): boolean {
  return state.type === 'closed' && state.reason === 'revoked';
}

function describe(state: ClientState): { readonly title: string; readonly detail: string } {
  switch (state.type) {
    case 'idle':
      return { title: 'Ready', detail: 'Nothing has been asked of the client yet.' };
    case 'connecting':
      return { title: 'Connecting…', detail: 'Asking discovery for a node, then opening a link to it.' };
    case 'connected':
      return { title: `Connected over ${TRANSPORT_NAMES[state.transport]}`, detail: NATURE[state.transport] };
    case 'waiting':
      return { title: 'Connection lost', detail: waitingDetail(state.retryInMs, state.cause) };
    case 'closed':
      if (isLoggedOut(state)) return LOGGED_OUT;
      if (state.reason.startsWith('token_'))
        return {
          title: 'Not let in',
          detail: `The server wants a good token (${state.reason}). What to do is said below.`,
        };
      return {
        title: 'Closed',
        detail: `The server ended it (${state.reason}) and said not to try again. Positions are kept: connecting again goes on from them.`,
      };
  }
}

function waitingDetail(leftMs: number, cause: string): string {
  const when = leftMs === 0 ? 'Trying again now' : `Trying again in ${(leftMs / 1000).toFixed(1)} s`;
  return `${when} (cause: ${cause}). The positions are kept; everything after them will be asked for.`;
}

/** As a developer would log it. */
function literal(state: ClientState): string {
  const fields = Object.entries(state).map(
    ([name, value]) => `${name}: ${typeof value === 'number' ? Math.round(value) : `'${String(value)}'`}`,
  );
  return `{ ${fields.join(', ')} }`;
}
