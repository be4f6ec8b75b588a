// Where tabs cannot share, each has a connection of its own, and is a client like any other.

import { describe, expect, it } from 'vitest';
import type { Locks } from '../../../client-sdk/shared/meeting.js';
import { createSharing } from '../../../client-sdk/shared/sharing.js';
import type { Client } from '../../../client-sdk/types.js';
import { FakeClock } from './fakes/fake-clock.js';
import { FakeNetwork } from './fakes/fake-network.js';
import { Origin } from './fakes/tabs.js';

describe('where tabs cannot share', () => {
  it('one that is closed before that is known opens nothing', async () => {
    const origin = new Origin();
    let deny: (error: Error) => void = () => {};
    const tab = origin.open({}, { request: () => new Promise((_, reject) => (deny = reject)) });
    tab.listen('news');
    await origin.clock.advance(100);
    tab.client.close();
    deny(new DOMException('denied', 'SecurityError'));
    await origin.clock.advance(1_000);
    expect(origin.opened).toBe(0);
    expect(tab.client.state.type).toBe('closed');
  });

  it('one that was closed has a connection of its own again after `connect`', async () => {
    const origin = new Origin();
    const denied = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
    const tab = origin.open({}, denied);
    tab.client.connect();
    await origin.clock.advance(1_000);
    tab.client.close();
    expect(origin.links).toBe(0);
    tab.client.connect();
    const told = tab.listen('news');
    await origin.clock.advance(1_000);
    origin.server.publish('news', 1);
    const history = tab.client.history('news');
    await origin.clock.advance(1_000);
    expect((await history).messages).toHaveLength(1);
    const published = tab.client.publish('news', 2);
    await origin.clock.advance(1_000);
    expect((await published).offset).toMatch(/2$/);
    expect([told, origin.links]).toEqual([[1, 2], 1]);
    tab.client.close();
  });

  it('each has a connection of its own, as where locks are not allowed', async () => {
    const origin = new Origin();
    const denied = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
    const tabs = [origin.open({}, denied), origin.open({}, denied)];
    const told = tabs.map((tab) => tab.listen('news'));
    await origin.clock.advance(1_000);
    expect(origin.links).toBe(2);
    origin.server.publish('news', 1);
    await origin.clock.advance(1_000);
    expect(told).toEqual([[1], [1]]);
    for (const { client } of tabs) client.logOut();
    for (const { client } of tabs) expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect(origin.links).toBe(0);
  });

  it('each is a client like any other: it knows its own messages, its user, and how many channels it may have', async () => {
    const origin = new Origin();
    const denied = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
    const clients = [origin.open({}, denied).client, origin.open({}, denied).client];
    const own = new Map<Client, boolean>();
    for (const client of clients) client.subscribe('news', {}, ({ isOwn }) => own.set(client, isOwn));
    await origin.clock.advance(1_000);
    expect(clients.map(({ connection }) => connection?.user)).toEqual(['u', 'u']);
    expect(new Set(clients.map(({ connection }) => connection?.id)).size).toBe(2);
    const published = clients[0]?.publish('news', 1);
    await origin.clock.advance(1_000);
    await published;
    expect(clients.map((client) => own.get(client))).toEqual([true, false]);
    for (let n = 1; n < 128; n++) clients[1]?.subscribe(`c${n}`);
    expect(() => clients[1]?.subscribe('more')).toThrow('at most 128 channels');
    for (const client of clients) client.close();
  });

  it.each(['locks', 'BroadcastChannel'] as const)('logs out without %s too', (lacking) => {
    const network = new FakeNetwork();
    const { fetch, WebSocket } = network;
    const locks: Locks = { request: async (_name, _options, hold) => void (await hold()) };
    const browser = { locks, BroadcastChannel: class {} as never, [lacking]: undefined };
    const options = { url: 'http://discovery.test', clock: new FakeClock(), fetch, WebSocket, storage: null };
    const client = createSharing(options, browser, undefined);
    client.connect();
    client.logOut();
    expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
  });
});
