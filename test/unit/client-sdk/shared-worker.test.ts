// How a tab finds the worker that tabs share, and what it does where there can be none.

import { describe, expect, it, vi } from 'vitest';
import { mergeOptions } from '../../../client-sdk/settings.js';
import type { Locks, Meeting } from '../../../client-sdk/shared/meeting.js';
import type { Port } from '../../../client-sdk/shared/port.js';
import { createSharing } from '../../../client-sdk/shared/sharing.js';
import { meetWorker, type WorkerLike } from '../../../client-sdk/shared/worker.js';
import type { ClientOptions } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';
import { tokenOf } from './fakes/tabs.js';

class FakePort implements Port {
  onmessage = null;
  readonly posted: unknown[] = [];
  postMessage(message: unknown) {
    this.posted.push(structuredClone(message));
  }
  close() {}
}

function meet(options: Partial<ClientOptions> = {}, open?: () => WorkerLike, secret?: string) {
  const held = new Set<string>();
  const locks: Locks = {
    async request(name, _, hold) {
      held.add(name);
      await hold();
      held.delete(name);
    },
  };
  const workers: (WorkerLike & { port: FakePort })[] = [];
  const make = () => {
    const worker = { port: new FakePort(), onerror: null };
    workers.push(worker);
    return worker;
  };
  const attach = vi.fn<(port: Port) => void>();
  const other: Meeting = { ask: vi.fn(), renew: vi.fn(), close: vi.fn() };
  const otherwise = vi.fn(() => other);
  const settings = mergeOptions({ url: 'http://discovery.test', token: async () => tokenOf('u'), ...options });
  const browser = { locks, BroadcastChannel: class extends FakePort {} };
  const meeting = meetWorker(browser, 'key', settings, ['sse'], open ?? make, attach, () => secret, otherwise);
  return { meeting, workers, attach, otherwise, other, held };
}

const fail = (worker: WorkerLike | undefined) => worker?.onerror?.({} as never);

describe('a tab', () => {
  it('tells the worker the lock that it holds and the options that can be sent, never a function', () => {
    const { workers, attach, held } = meet();
    const [lock] = held;
    expect(attach).toHaveBeenCalledWith(workers[0]?.port);
    const options = { url: 'http://discovery.test', transports: ['sse'], pollIntervalMs: 2_000, pollWaitMs: 25_000 };
    const greeting = {
      key: 'key',
      lock,
      options: { ...options, token: undefined },
      isTokenLent: true,
      secret: undefined,
    };
    expect(workers[0]?.port.posted).toEqual([greeting]);
  });

  it('tells the next worker the session of the one before', () => {
    const { meeting, workers } = meet({}, undefined, 'before');
    meeting.renew(true);
    expect(workers[1]?.port.posted).toMatchObject([{ secret: 'before' }]);
  });

  it('sends a token that is a text', () => {
    const { workers } = meet({ token: tokenOf('u') });
    expect(workers[0]?.port.posted).toMatchObject([{ options: { token: tokenOf('u') }, isTokenLent: false }]);
  });

  it('finds another way where a worker may not be opened, or its code does not load', () => {
    const denied = meet({}, () => {
      throw new DOMException('denied', 'SecurityError');
    });
    expect(denied.otherwise).toHaveBeenCalledOnce();
    denied.meeting.ask();
    expect(denied.other.ask).toHaveBeenCalledOnce();

    const missing = meet();
    fail(missing.workers[0]);
    expect(missing.otherwise).toHaveBeenCalledOnce();
    missing.meeting.renew(false);
    expect(missing.other.renew).toHaveBeenCalledOnce();
    missing.meeting.close();
    expect(missing.other.close).toHaveBeenCalledOnce();
  });

  it('lets go of its lock when it leaves, and looks for no other way then', async () => {
    const { meeting, workers, held, otherwise } = meet();
    expect(held.size).toBe(1);
    meeting.close();
    fail(workers[0]);
    await vi.waitFor(() => expect(held.size).toBe(0), { timeout: 30_000 });
    expect(otherwise).not.toHaveBeenCalled();
  });

  it('opens a worker that has fallen silent once more, and one that has never said anything no fifth time', () => {
    const { meeting, workers, otherwise } = meet();
    meeting.renew(true);
    expect(workers).toHaveLength(2);
    for (let n = 0; n < 4; n++) meeting.renew(false);
    expect(otherwise).not.toHaveBeenCalled();
    meeting.renew(false);
    expect(otherwise).toHaveBeenCalledOnce();
  });
});

describe('a client that shares', () => {
  const clock = new FakeClock();
  const here = {
    fetch: () => new Promise<never>(() => {}),
    WebSocket: class {} as never,
    clock,
    random: () => 0.5,
    storage: null,
  };

  /** Whether it opens a worker. */
  async function opens(options: Partial<ClientOptions>, lacking?: 'locks' | 'BroadcastChannel') {
    const open = vi.fn(() => ({ port: new FakePort(), onerror: null }));
    const locks: Locks = { request: async (_name, _options, hold) => void (await hold()) };
    const browser = { locks, BroadcastChannel: class extends FakePort {}, ...(lacking && { [lacking]: undefined }) };
    const client = createSharing({ url: 'http://discovery.test', token: tokenOf('u'), ...options }, browser, open);
    client.connect();
    await clock.advance(0);
    await vi.waitFor(() => expect(client.state.type).toBe('connecting'));
    await new Promise((resolve) => setImmediate(resolve));
    client.close();
    return open.mock.calls.length > 0;
  }

  it('opens a worker', async () => {
    expect(await opens({})).toBe(true);
  });

  it.each(['locks', 'BroadcastChannel'] as const)(
    'has a connection of its own where there is no %s',
    async (lacking) => {
      const fetch = vi.fn(() => new Promise<never>(() => {}));
      expect(await opens({ fetch, WebSocket: here.WebSocket }, lacking)).toBe(false);
      expect(fetch).toHaveBeenCalledWith('http://discovery.test/v1/connect', expect.anything());
    },
  );

  it.each(Object.entries(here))('opens none where %s cannot be sent to it', async (name, value) => {
    expect(await opens({ [name]: value })).toBe(false);
  });
});
