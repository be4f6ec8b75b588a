// A client in a world made of fakes, and what it told its application.

import { createClient, type FanfareError } from '../../../../client-sdk/index.js';
import type {
  Client,
  ClientOptions,
  ClientState,
  Gap,
  Message,
  SubscribeOptions,
  Subscription,
  SubscriptionState,
} from '../../../../client-sdk/types.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork, type FakeRequest } from './fake-network.js';
import { expectNothingLeft } from './nothing-left.js';

/** The n-th offset of a channel. */
export function offset(n: number): string {
  return `1795342704012-${String(n).padStart(16, '0')}`;
}

export const NODE = { id: 'n1', url: 'http://n1.test' };
export const OTHER = { id: 'n2', url: 'http://n2.test' };
export const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'] as const;

/** What discovery answers. */
export function assignment(more: Record<string, unknown> = {}): Record<string, unknown> {
  const ticket = { ticket: 't1', expiresInMs: 3_600_000, connection: 'c-s', user: 'u1' };
  return { node: NODE, alternatives: [OTHER], ...ticket, transports: TRANSPORTS, ...more };
}

/** The events of the window, which Node has none of. */
const page = new EventTarget();
let listeners = 0;
Object.assign(globalThis, {
  addEventListener(type: string, listener: EventListener, options?: AddEventListenerOptions) {
    // As in workers of some hosts.
    if (options?.capture) throw new TypeError('options.capture must be false');
    listeners++;
    page.addEventListener(type, listener, options);
    options?.signal?.addEventListener('abort', () => listeners--);
  },
  removeEventListener(type: string, listener: EventListener) {
    listeners--;
    page.removeEventListener(type, listener);
  },
});

/** How many listen to the page. */
export function pageListeners(): number {
  return listeners;
}

/** Has the page say `online`, `pagehide` and the like, to all that listen. */
export function emitPageEvent(type: string, more: object = {}): void {
  page.dispatchEvent(Object.assign(new Event(type), more));
}

/** A token, to look at. */
export const jwt = (n = 1) => `head.user${n}.signature`;

/** Has somebody see the page, or nobody; {@link leavePage} takes it away again. */
export function showPage(isHidden: boolean): void {
  Object.assign(globalThis, { document: { hidden: isHidden } });
  emitPageEvent('visibilitychange');
}

export function leavePage(): void {
  Reflect.deleteProperty(globalThis, 'document');
}

export class World {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly storage = new Map<string, string>();
  readonly states: ClientState[] = [];
  readonly errors: FanfareError[] = [];
  readonly client: Client;

  /** Discovery answers by itself with {@link assignment} unless `discovery` is taken away from the network. */
  constructor(options: Partial<ClientOptions> = {}) {
    this.network.discovery = (request: FakeRequest) => request.answer(200, assignment());
    this.client = createClient({
      url: 'http://discovery.test',
      token: 'token',
      WebSocket: this.network.WebSocket,
      fetch: this.network.fetch,
      clock: this.clock,
      random: () => 0.5,
      storage: {
        getItem: (key) => this.storage.get(key) ?? null,
        setItem: (key, value) => void this.storage.set(key, value),
      },
      ...options,
    });
    this.client.on('state', (state) => this.states.push(state));
    this.client.on('error', (error) => this.errors.push(error));
  }

  subscribe(channel: string, options: SubscribeOptions = {}): Listening {
    return new Listening(this.client.subscribe(channel, options));
  }

  get stateTypes(): string[] {
    return this.states.map((state) => state.type);
  }

  /** Closes the client; nothing is left of it. */
  end(): Promise<void> {
    this.client.close();
    return expectNothingLeft(this.clock);
  }
}

/** A subscription and all that it told. */
export class Listening {
  readonly subscription: Subscription;
  readonly messages: Message[] = [];
  readonly gaps: Gap[] = [];
  readonly states: SubscriptionState[] = [];

  constructor(subscription: Subscription) {
    this.subscription = subscription;
    subscription.on('message', (message) => this.messages.push(message));
    subscription.on('gap', (gap) => this.gaps.push(gap));
    subscription.on('state', (state) => this.states.push(state));
  }

  get data(): unknown[] {
    return this.messages.map((message) => message.data);
  }
}
