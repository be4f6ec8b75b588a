// A hub in a network whose other end is the test, and tabs of which the test says every word.

import { expect, vi } from 'vitest';
import { createHub, type Hub } from '../../../../client-sdk/shared/hub.js';
import type { Locks } from '../../../../client-sdk/shared/meeting.js';
import type { Port } from '../../../../client-sdk/shared/port.js';
import { PAGE_EVENT } from '../../../../client-sdk/shared/words.js';
import type { ClientOptions } from '../../../../client-sdk/types.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork } from './fake-network.js';
import { expectNothingLeft } from './nothing-left.js';
import { assignment } from './world.js';

/** The session of the hub before this one. */
export const SECRET = 'a session of twenty-two letters';

type Told = readonly [number: number, word: number, value: unknown];

/** One end of a conversation between a tab and the hub, of which the test says every word. */
export class SpokenPort implements Port {
  onmessage: ((event: never) => void) | null = null;
  readonly told: Told[] = [];
  isClosed = false;

  postMessage(message: unknown) {
    this.told.push(structuredClone(message) as Told);
  }

  close() {
    this.isClosed = true;
  }

  /** With a number it is a question, or an answer. */
  say(word: number, value?: unknown, number = 0): void {
    this.onmessage?.({ data: [number, word, value] } as never);
  }

  show(isHidden: boolean): void {
    this.say(PAGE_EVENT, ['visibilitychange', isHidden]);
  }

  /** The values of what it was told by a word, and forgets all that it was told. */
  take(word: number): unknown[] {
    const values = this.told.filter(([, one]) => one === word).map(([, , value]) => value);
    this.told.length = 0;
    return values;
  }

  /** The number of the last question by a word. */
  asked(word: number): number | undefined {
    return this.told.findLast(([number, one]) => number && one === word)?.[0];
  }
}

export class HubWorld {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly ended = vi.fn();
  /** What is called once a lock is free, of those that the hub waits for. */
  readonly locks = new Map<string, () => unknown>();
  readonly hub: Hub;

  constructor(options: Partial<ClientOptions> = {}) {
    const { clock, network } = this;
    network.discovery = (request) => request.answer(200, assignment());
    const locks: Locks = {
      request: (name, { signal }, hold) =>
        new Promise((_, reject) => {
          this.locks.set(name, hold);
          signal?.addEventListener('abort', () => {
            this.locks.delete(name);
            reject(new DOMException('aborted', 'AbortError'));
          });
        }),
    };
    this.hub = createHub(
      { locks, BroadcastChannel: SpokenPort },
      {
        ...{ url: 'http://discovery.test', token: 'token', transports: ['websocket'] },
        ...{ clock, fetch: network.fetch, WebSocket: network.WebSocket, random: () => 0.5, storage: null },
        ...options,
      },
      this.ended,
      SECRET,
    );
  }

  /** A tab comes, that holds a lock of this name. */
  join(lock = 'lock'): SpokenPort {
    const tab = new SpokenPort();
    this.hub.serve(tab, lock);
    return tab;
  }

  /** Closes the hub; nothing is left of it. */
  async end(): Promise<void> {
    this.hub.close();
    await expectNothingLeft(this.clock);
    expect(this.locks.size).toBe(0);
  }
}
