// Tabs of one origin in a browser made of fakes: they may be hidden, frozen, closed or crash, and what is theirs goes with them.

import type { Locks } from '../../../../client-sdk/shared/meeting.js';
import type { Port } from '../../../../client-sdk/shared/port.js';
import { createSharing } from '../../../../client-sdk/shared/sharing.js';
import { createFetch } from '../../../../client-sdk/testing/fetch.js';
import { Server } from '../../../../client-sdk/testing/server.js';
import { createWebSocket } from '../../../../client-sdk/testing/socket.js';
import type { ClientOptions, ClientState, Clock } from '../../../../client-sdk/types.js';
import { FakeClock } from './fake-clock.js';
import { gatedFetch, gatedWebSocket } from './gated-network.js';

/** A token of a user's. */
export const tokenOf = (user: string, n = 1): string =>
  `head.${Buffer.from(JSON.stringify({ sub: user, n })).toString('base64url')}.signature`;

const aborted = () => new DOMException('aborted', 'AbortError');

interface Asking {
  readonly tab: FakeTab;
  grant(): void;
  reject(error: unknown): void;
}

interface Bus {
  readonly tab: FakeTab;
  hear(data: unknown): void;
}

/** Hidden pages have timers at most so often, as browsers do it after a while. */
const THROTTLE_MS = 60_000;

export class Origin {
  readonly clock = new FakeClock();
  readonly server: Server;
  readonly tabs: FakeTab[] = [];
  readonly buses = new Map<string, Set<Bus>>();
  readonly held = new Map<string, Asking>();
  readonly queued = new Map<string, Asking[]>();
  /** WebSockets that were ever opened. */
  opened = 0;
  #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.server = new Server({ clock: this.clock, random, latencyMs: 20, keep: 1_000, user: 'u' });
  }

  get random(): () => number {
    return this.#random;
  }

  open(options: Partial<ClientOptions> = {}, locks?: Locks): FakeTab {
    const tab = new FakeTab(this, options, locks);
    this.tabs.push(tab);
    return tab;
  }

  /** Links at the node. */
  get links(): number {
    return this.server.ways.size;
  }

  get leaders(): FakeTab[] {
    return this.tabs.filter((tab) => tab.sockets.size > 0);
  }

  /** Gives a lock that is free to the next. */
  grant(name: string): void {
    if (this.held.has(name)) return;
    const next = this.queued.get(name)?.shift();
    if (!next) return;
    this.held.set(name, next);
    next.grant();
  }

  releaseAll(tab: FakeTab): void {
    for (const [name, asking] of this.queued)
      this.queued.set(
        name,
        asking.filter((one) => one.tab !== tab),
      );
    for (const [name, holder] of [...this.held]) {
      if (holder.tab !== tab) continue;
      this.held.delete(name);
      this.grant(name);
    }
    for (const buses of this.buses.values()) for (const bus of buses) if (bus.tab === tab) buses.delete(bus);
  }
}

export class FakeTab {
  readonly origin: Origin;
  readonly client: ReturnType<typeof createSharing>;
  readonly states: ClientState[] = [];
  readonly errors: string[] = [];
  readonly sockets = new Set<{ close(): void }>();
  readonly #page = new Set<readonly [readonly string[], (event: { readonly type: string }) => void]>();
  #backlog: (() => void)[] | undefined;
  #isHidden = false;
  isDead = false;

  constructor(origin: Origin, options: Partial<ClientOptions>, locks?: Locks) {
    this.origin = origin;
    const page = {
      isHidden: () => this.#isHidden,
      listen: (types: readonly string[], hear: (event: { readonly type: string }) => void) => {
        const entry = [types, hear] as const;
        this.#page.add(entry);
        return () => this.#page.delete(entry);
      },
    };
    const run = (what: () => void) => this.run(what);
    this.client = createSharing(
      {
        url: 'http://discovery.test',
        token: async () => tokenOf('u'),
        clock: this.#clock(),
        fetch: gatedFetch(createFetch(origin.server), run),
        WebSocket: gatedWebSocket(createWebSocket(origin.server), run, this.sockets, () => origin.opened++),
        random: origin.random,
        storage: null,
        ...options,
      },
      { locks: locks ?? this.#locks(), BroadcastChannel: this.#channels() },
      undefined,
      { page },
    );
    this.client.on('state', (state) => this.states.push(state));
    this.client.on('error', (error) => this.errors.push(error.code));
  }

  /** Subscribes; what it is told comes to be in the list. */
  listen(channel: string, options: { readonly after?: string; readonly last?: number } = {}): unknown[] {
    const told: unknown[] = [];
    const subscription = this.client.subscribe(channel, options as object, ({ data }) => told.push(data));
    subscription.on('gap', ({ reason }) => told.push(`gap ${reason}`));
    subscription.on('state', (state) => {
      if (state.type === 'closed') told.push(state.code);
    });
    return told;
  }

  /** Runs what comes to the tab from outside: later where it is frozen, never where it is dead. */
  run(what: () => void): void {
    if (this.isDead) return;
    if (this.#backlog) this.#backlog.push(what);
    else what();
  }

  emit(type: string): void {
    for (const [types, hear] of [...this.#page]) if (types.includes(type)) hear({ type });
  }

  show(isHidden: boolean): void {
    this.#isHidden = isHidden;
    this.emit('visibilitychange');
  }

  /** Without a word: a dialog, a debugger, a loop. */
  freeze(): void {
    this.#backlog ??= [];
  }

  thaw(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const what of backlog) this.run(what);
  }

  /** Without a word; the browser gives back what it held. */
  crash(): void {
    this.isDead = true;
    for (const socket of this.sockets) socket.close();
    this.sockets.clear();
    this.origin.releaseAll(this);
  }

  /** As somebody closes a tab. */
  close(): void {
    this.emit('pagehide');
    this.crash();
  }

  #clock(): Clock {
    const { clock } = this.origin;
    const start = (callback: () => void, ms: number) => {
      const delay = this.#isHidden ? Math.ceil(Math.max(ms, 1) / THROTTLE_MS) * THROTTLE_MS : ms;
      return clock.setTimeout(() => this.run(callback), delay);
    };
    return {
      ...{ now: clock.now, monotonic: clock.monotonic, clearTimeout: clock.clearTimeout as Clock['clearTimeout'] },
      // As browsers do.
      setTimeout(this: unknown, callback, ms) {
        if (this !== undefined) throw new TypeError('Illegal invocation');
        return start(callback, ms);
      },
    };
  }

  #channels(): new (name: string) => Port {
    const tab = this;
    const { buses } = this.origin;
    return class {
      onmessage: ((event: never) => void) | null = null;
      readonly #bus: Bus;
      readonly #name: string;

      constructor(name: string) {
        this.#name = name;
        this.#bus = {
          tab,
          hear: (data) => {
            if (buses.get(name)?.has(this.#bus)) this.onmessage?.({ data } as never);
          },
        };
        if (!tab.isDead) buses.set(name, (buses.get(name) ?? new Set()).add(this.#bus));
      }

      postMessage(message: unknown) {
        if (tab.isDead) return;
        if (!buses.get(this.#name)?.has(this.#bus)) throw new DOMException('closed', 'InvalidStateError');
        const data = structuredClone(message);
        for (const bus of buses.get(this.#name) ?? []) {
          if (bus !== this.#bus) setImmediate(() => bus.tab.run(() => bus.hear(data)));
        }
      }

      close() {
        buses.get(this.#name)?.delete(this.#bus);
      }
    };
  }

  #locks(): Locks {
    const { origin } = this;
    return {
      request: (name, { signal, steal }, hold) =>
        new Promise((resolve, reject) => {
          const release = () => {
            if (origin.held.get(name) !== asking) return;
            origin.held.delete(name);
            origin.grant(name);
          };
          const asking: Asking = {
            tab: this,
            reject: (error) => this.run(() => reject(error)),
            grant: () =>
              setImmediate(() =>
                this.run(() => {
                  Promise.resolve(hold()).then(
                    (value) => {
                      release();
                      resolve(value);
                    },
                    (error) => {
                      release();
                      reject(error);
                    },
                  );
                }),
              ),
          };
          // Its code may run on here for a moment; a browser's would not.
          if (this.isDead) return;
          if (signal?.aborted) return reject(aborted());
          if (steal) {
            origin.held.get(name)?.reject(aborted());
            origin.held.set(name, asking);
            return asking.grant();
          }
          const queue = origin.queued.get(name) ?? [];
          origin.queued.set(name, queue);
          queue.push(asking);
          signal?.addEventListener('abort', () => {
            const others = origin.queued.get(name) ?? [];
            if (!others.includes(asking)) return;
            origin.queued.set(
              name,
              others.filter((one) => one !== asking),
            );
            reject(aborted());
          });
          origin.grant(name);
        }),
    };
  }
}
