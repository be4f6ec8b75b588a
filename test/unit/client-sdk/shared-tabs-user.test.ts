// Tabs that share a connection: the user that they have in common, its tokens and its log-out; and their pages.

import { describe, expect, it, vi } from 'vitest';
import { numbers, openTabs } from './fakes/open-tabs.js';
import { type FakeTab, Origin, tokenOf } from './fakes/tabs.js';

describe('tokens of tabs that share a connection', () => {
  it('are lent by a tab that answers; one that does not is passed over', async () => {
    const origin = new Origin();
    const hanging = vi.fn(async ({ reason }: { reason: string }) => {
      if (reason !== 'connect' || hanging.mock.calls.length > 1) await new Promise(() => {});
      return tokenOf('u');
    });
    const lending = vi.fn(async () => tokenOf('u', lending.mock.calls.length));
    const leader = origin.open({ token: hanging });
    leader.client.connect();
    await origin.clock.advance(1_000);
    const other = origin.open({ token: lending });
    other.client.connect();
    await origin.clock.advance(1_000);
    expect([hanging.mock.calls.length, lending.mock.calls.length]).toEqual([1, 1]);

    // A ticket lasts ten minutes.
    await origin.clock.advance(540_000);
    expect(hanging.mock.calls.length).toBeGreaterThan(1);
    expect(lending.mock.calls.length).toBeGreaterThan(1);
    expect(other.client.state.type).toBe('connected');
    expect(origin.links).toBe(1);
  });

  it('are not lent once they are another user’s', async () => {
    const origin = new Origin();
    let user = 'u';
    const tab = origin.open({ token: async () => tokenOf(user) });
    tab.client.connect();
    await origin.clock.advance(1_000);
    user = 'somebody else';
    await origin.clock.advance(590_000);
    expect(tab.errors).toContain('token');
  });

  it('cost each tab one call, and no tab but one another', async () => {
    const origin = new Origin();
    const token = vi.fn(async () => tokenOf('u'));
    for (let n = 0; n < 5; n++) origin.open({ token }).client.connect();
    await origin.clock.advance(10_000);
    expect(token).toHaveBeenCalledTimes(5);
  });

  it('are asked for again where the function fails, before tabs have met', async () => {
    const origin = new Origin();
    const token = vi.fn(async () => {
      if (token.mock.calls.length < 3) throw new Error('down');
      return tokenOf('u');
    });
    const tab = origin.open({ token });
    tab.client.connect();
    await origin.clock.advance(100);
    expect(tab.client.state).toMatchObject({ type: 'waiting', cause: 'token' });
    await origin.clock.advance(10_000);
    expect(tab.client.state.type).toBe('connected');
  });

  it('are asked for again where the function hangs, and does not listen to its signal, before tabs have met', async () => {
    const origin = new Origin();
    const token = vi.fn(() =>
      token.mock.calls.length < 2 ? new Promise<string>(() => {}) : Promise.resolve(tokenOf('u')),
    );
    const tab = origin.open({ token });
    tab.client.connect();
    await origin.clock.advance(60_000);
    expect(tab.client.state).toMatchObject({ type: 'waiting', cause: 'timeout' });
    await origin.clock.advance(2_000);
    expect(tab.client.state.type).toBe('connected');
  });
});

it('tabs that want more channels together than one link may have are told which are too many', async () => {
  const origin = new Origin();
  const told = [0, 1].map((one) => {
    const tab = origin.open();
    return numbers(100).map((n) => tab.listen(`c${one}-${n}`));
  });
  await origin.clock.advance(30_000);
  const refused = told.flat().filter((list) => list[0] === 'too_many_channels');
  expect(refused).toHaveLength(72);
  expect(told.flat().filter((list) => !list[0])).toHaveLength(128);
});

describe('a log-out', () => {
  it('in one tab closes the clients of that user in all tabs, and of nobody else', async () => {
    const { origin, tabs, leader } = await openTabs(4);
    const stranger = origin.open({ token: async () => tokenOf('somebody else') });
    stranger.client.connect();
    await origin.clock.advance(1_000);
    tabs.find((tab) => tab !== leader())?.client.logOut();
    await origin.clock.advance(1_000);
    for (const { client } of tabs) expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect(stranger.client.state.type).toBe('connected');
    expect(origin.links).toBe(1);
  });

  it('of a tab that has met no other yet says so too', () => {
    const { client } = new Origin().open();
    client.logOut();
    expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
  });

  it('of the leader does the same', async () => {
    const { origin, tabs, leader } = await openTabs(3);
    leader().client.logOut();
    await origin.clock.advance(1_000);
    for (const { client } of tabs) expect(client.state).toMatchObject({ type: 'closed', reason: 'logged_out' });
    expect(origin.links).toBe(0);
  });

  it('of the leader does the same where it is closed in the same breath', async () => {
    const { origin, tabs, leader } = await openTabs(3);
    const { client } = leader();
    client.logOut();
    client.close();
    await origin.clock.advance(1_000);
    for (const tab of tabs) expect(tab.client.state.type).toBe('closed');
    expect(tabs.filter((tab) => tab.client !== client).map((tab) => tab.client.state)).toEqual(
      Array(2).fill({ type: 'closed', code: 1000, reason: 'logged_out' }),
    );
    expect(origin.links).toBe(0);
  });

  it('by a token function that says so closes all of them', async () => {
    const origin = new Origin();
    let isIn = true;
    const tabs = numbers(3).map(() => origin.open({ token: async () => (isIn ? tokenOf('u') : null) }));
    for (const { client } of tabs) client.connect();
    await origin.clock.advance(1_000);
    isIn = false;
    await origin.clock.advance(590_000);
    for (const { client } of tabs) expect(client.state).toMatchObject({ type: 'closed', reason: 'logged_out' });
  });

  it('can be followed by another log-in, by `connect`', async () => {
    const { origin, tabs, leader } = await openTabs(3);
    leader().client.logOut();
    await origin.clock.advance(1_000);
    for (const { client } of tabs) client.connect();
    const [first] = tabs as [FakeTab];
    const told = first.listen('news');
    await origin.clock.advance(1_000);
    origin.server.publish('news', 1);
    await origin.clock.advance(1_000);
    expect(told).toEqual([1]);
    expect(origin.links).toBe(1);
  });
});

describe('pages of tabs that share a connection', () => {
  it('let go of all when they are put away, and come back where they were', async () => {
    const { origin, tabs, told, leader } = await openTabs(3);
    const away = leader();
    away.emit('pagehide');
    await origin.clock.advance(1_000);
    expect([...origin.held.values()].some(({ tab }) => tab === away)).toBe(false);
    expect(away.client.state).toMatchObject({ type: 'waiting', cause: 'offline' });
    origin.server.publish('news', 1);
    await origin.clock.advance(1_000);
    expect(told.get(away)).toEqual([]);
    away.emit('pageshow');
    await origin.clock.advance(1_000);
    for (const tab of tabs) expect(told.get(tab)).toEqual([1]);
    expect(origin.links).toBe(1);
  });

  it('keep a leader’s timers going that nobody sees, while somebody sees another', async () => {
    const origin = new Origin();
    const alone = { transports: ['websocket'] } as const;
    const leader = origin.open(alone);
    leader.client.connect();
    await origin.clock.advance(1_000);
    const seen = origin.open(alone);
    const told = seen.listen('news');
    await origin.clock.advance(1_000);
    leader.show(true);
    await origin.clock.advance(1_000);
    // The link is dead, and nobody says so.
    for (const way of [...origin.server.ways]) origin.server.leave(way);
    origin.server.publish('news', 1);
    await origin.clock.advance(13_000);
    expect(told).toEqual([1]);
    expect([leader.sockets.size, seen.sockets.size]).toEqual([1, 0]);
  });
});

it('a tab that freezes as soon as it is opened keeps no other from its connection', async () => {
  const origin = new Origin();
  const frozen = origin.open();
  frozen.client.connect();
  frozen.freeze();
  await origin.clock.advance(0);
  const told = origin.open().listen('news');
  await origin.clock.advance(1_000);
  origin.server.publish('news', 1);
  await origin.clock.advance(1_000);
  expect(told).toEqual([1]);
});
