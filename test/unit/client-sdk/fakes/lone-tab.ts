// A tab whose hub is the test: what it says to it, and what it makes of every word that it hears.

import { expect, vi } from 'vitest';
import type { ConnectionOwner } from '../../../../client-sdk/connection.js';
import type { Failure } from '../../../../client-sdk/errors.js';
import type { Outgoing, Source, Wanted } from '../../../../client-sdk/link.js';
import type { PageEvent } from '../../../../client-sdk/page.js';
import { mergeOptions } from '../../../../client-sdk/settings.js';
import type { Locks, Meeting } from '../../../../client-sdk/shared/meeting.js';
import { createTab, type TabConnection } from '../../../../client-sdk/shared/tab.js';
import { STATE } from '../../../../client-sdk/shared/words.js';
import type { ClientOptions, ClientState } from '../../../../client-sdk/types.js';
import { VERSION } from '../../../../client-sdk/version.js';
import type { ServerEvent } from '../../../../src/protocol/index.js';
import { FakeClock } from './fake-clock.js';
import { SpokenPort } from './hub-tabs.js';
import { expectNothingLeft } from './nothing-left.js';
import { tokenOf } from './tabs.js';

export class LoneTab {
  readonly clock = new FakeClock();
  readonly channels = new Map<string, Wanted>();
  readonly states: ClientState[] = [];
  readonly errors: Failure[] = [];
  readonly refused: (readonly [Wanted, Failure])[] = [];
  readonly received: (readonly [ServerEvent, Source])[] = [];
  readonly meetings: (Meeting & { readonly key: string })[] = [];
  readonly token = vi.fn(
    async (_context: { readonly reason: string }): Promise<string | null> => tokenOf('u', this.token.mock.calls.length),
  );
  readonly tab: TabConnection;
  /** Called when it is told an error. */
  onError = () => {};
  isHidden = false;
  listeners = 0;
  #hear: (event: PageEvent) => void = () => {};
  #attach: (port: SpokenPort) => void = () => {};

  constructor(options: Partial<ClientOptions> = {}, locks?: Locks) {
    const page = {
      isHidden: () => this.isHidden,
      listen: (_types: readonly string[], hear: (event: PageEvent) => void) => {
        this.listeners++;
        this.#hear = hear;
        return () => {
          this.listeners--;
          this.#hear = () => {};
        };
      },
    };
    const settings = {
      ...mergeOptions({
        ...{ url: 'http://discovery.test', token: this.token, clock: this.clock, random: () => 0.5, storage: null },
        ...options,
      }),
      page,
    };
    const owner: ConnectionOwner = {
      transports: ['sse'],
      channels: this.channels,
      receive: (event, source) => void this.received.push([event, source]),
      refuse: (channel, failure) => void this.refused.push([channel, failure]),
      state: (state) => void this.states.push(state),
      failed: (failure) => {
        this.errors.push(failure);
        this.onError();
      },
    };
    const open = () => {
      throw new Error('it has no link of its own');
    };
    const free: Locks = { request: async (_name, _options, hold) => hold() };
    this.tab = createTab(settings, open, owner, { locks: locks ?? free }, (key, attach) => {
      this.#attach = attach;
      const meeting = { key, ask: vi.fn(), renew: vi.fn(), close: vi.fn() };
      this.meetings.push(meeting);
      return meeting;
    });
  }

  /** Connects, and meets others. */
  async meet(): Promise<Meeting> {
    this.tab.connect();
    await this.clock.advance(0);
    return this.meetings.at(-1) as Meeting;
  }

  /** It finds a hub, that has not said anything yet. */
  attach(): SpokenPort {
    const port = new SpokenPort();
    this.#attach(port);
    return port;
  }

  /** It finds a hub that is connected. */
  async connected(): Promise<SpokenPort> {
    if (!this.meetings[0]) await this.meet();
    const hub = this.attach();
    tell(hub, 'connected');
    return hub;
  }

  emit(type: string): void {
    this.#hear({ type });
  }

  want(name: string, position = 'now'): Wanted {
    const channel = { name, position };
    this.channels.set(name, channel);
    return channel;
  }

  get stateTypes(): string[] {
    return this.states.map(({ type }) => type);
  }

  /** Closes the tab; nothing is left of it. */
  async end(): Promise<void> {
    this.tab.close();
    await expectNothingLeft(this.clock);
    expect(this.listeners).toBe(0);
  }
}

/** The hub says where its client is. */
export function tell(hub: SpokenPort, type: 'connected' | 'connecting' | 'waiting', version = VERSION): void {
  const state =
    type === 'connected'
      ? { type, transport: 'sse', node: 'n1' }
      : type === 'waiting'
        ? { type, retryInMs: 9, cause: 'network' }
        : { type };
  const view = type === 'connected' ? { id: 'c-1', user: 'u', node: 'n1', transport: 'sse' } : undefined;
  hub.say(STATE, [state, view, version]);
}

export const outgoing = (data: unknown) => {
  const done = vi.fn();
  return { type: 'publish', body: { channel: 'out', data, key: 'k' }, done } satisfies Outgoing;
};
