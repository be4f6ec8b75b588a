// Tabs that share a connection: who leads, and what each is told while leaders go, freeze and thaw.

import { describe, expect, it } from 'vitest';
import { numbers, openTabs } from './fakes/open-tabs.js';
import { type FakeTab, Origin, tokenOf } from './fakes/tabs.js';

describe('tabs that share a connection', () => {
  it('have one link together, and each is told each message once', async () => {
    const { origin, tabs, told } = await openTabs(10);
    expect(origin.links).toBe(1);
    for (const n of numbers(5)) origin.server.publish('news', n);
    await origin.clock.advance(1_000);
    for (const tab of tabs) {
      expect(tab.client.state).toMatchObject({ type: 'connected', transport: 'websocket' });
      expect(told.get(tab)).toEqual(numbers(5));
    }
    expect(new Set(tabs.map(({ client }) => client.connection?.id)).size).toBe(1);
  });

  it.each(['crash', 'close'] as const)(
    'lose and repeat nothing in any tab when the leader is gone by a %s, again and again',
    async (end) => {
      const { origin, tabs, told, leader } = await openTabs(8);
      let n = 0;
      for (let round = 0; round < 7; round++) {
        for (let i = 0; i < 10; i++) {
          origin.server.publish('news', ++n);
          await origin.clock.advance(20);
          if (i === 4) leader()[end]();
        }
      }
      await origin.clock.advance(2_000);
      const survivors = tabs.filter(({ isDead }) => !isDead);
      expect(survivors).toHaveLength(1);
      for (const tab of survivors) expect(told.get(tab)).toEqual(numbers(n));
      expect(origin.links).toBe(1);
    },
  );

  it('go on in less than two seconds when the leader freezes without a word, which is a tab like others when it thaws', async () => {
    const { origin, tabs, told, leader } = await openTabs(4);
    const frozen = leader();
    frozen.freeze();
    origin.server.publish('news', 1);
    await origin.clock.advance(1_900);
    const others = tabs.filter((tab) => tab !== frozen);
    for (const tab of others) expect(told.get(tab)).toEqual([1]);

    frozen.thaw();
    origin.server.publish('news', 2);
    await origin.clock.advance(2_000);
    for (const tab of tabs) expect(told.get(tab)).toEqual([1, 2]);
    expect(origin.links).toBe(1);
    expect(frozen.sockets.size).toBe(0);
  });

  it('do not take a leader for frozen because they were frozen themselves', async () => {
    const { origin, tabs, leader } = await openTabs(3);
    const before = leader();
    const others = tabs.filter((tab) => tab !== before);
    for (const tab of others) tab.freeze();
    await origin.clock.advance(60_000);
    for (const tab of others) tab.thaw();
    await origin.clock.advance(5_000);
    expect(leader()).toBe(before);
  });

  it('keep the leader that answers, however long nothing is published', async () => {
    const { origin, tabs } = await openTabs(3);
    await origin.clock.advance(600_000);
    expect(origin.opened).toBe(1);
    expect(tabs.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('have each its own beginning: one that comes late is given its history, and its gap', async () => {
    const { origin, told, tabs } = await openTabs(2);
    for (const n of numbers(10)) origin.server.publish('news', n);
    await origin.clock.advance(1_000);
    const [first] = tabs as [FakeTab];
    const position = first.client.subscribe('news').offset;
    const all = origin.open().listen('news', { after: '-1' });
    const some = origin.open().listen('news', { last: 3 });
    const none = origin.open().listen('news');
    await origin.clock.advance(1_000);
    origin.server.log('news').trim(4);
    const late = origin.open().listen('news', { after: '1000000000000-0000000000000001' });
    await origin.clock.advance(1_000);
    origin.server.publish('news', 11);
    await origin.clock.advance(1_000);
    expect(all).toEqual(numbers(11));
    expect(some).toEqual([8, 9, 10, 11]);
    expect(none).toEqual([11]);
    expect(late).toEqual(['gap trimmed', 7, 8, 9, 10, 11]);
    for (const [, list] of told) expect(list).toEqual(numbers(11));
    expect(position).toMatch(/^\d/);
    expect(origin.links).toBe(1);
  });

  it('leave a channel when the last that wanted it has left, or has crashed', async () => {
    const { origin, tabs, leader } = await openTabs(3);
    const [one, other] = tabs.filter((tab) => tab !== leader()) as [FakeTab, FakeTab];
    const open = () => [...([...origin.server.ways][0]?.channels.keys() ?? [])].sort();
    const subscription = one.client.subscribe('a');
    other.client.subscribe('a');
    other.client.subscribe('b');
    await origin.clock.advance(1_000);
    expect(open()).toEqual(['a', 'b', 'news']);
    subscription.unsubscribe();
    await origin.clock.advance(1_000);
    expect(open()).toEqual(['a', 'b', 'news']);
    other.crash();
    await origin.clock.advance(1_000);
    expect(open()).toEqual(['news']);
  });

  it('publish in order, each message once and each with its answer, while leaders go', async () => {
    const { origin, tabs, leader } = await openTabs(5);
    const last = tabs.findLast((tab) => tab !== leader()) as FakeTab;
    const answers: Promise<unknown>[] = [];
    for (const n of numbers(40)) {
      answers.push(last.client.publish('out', n));
      await origin.clock.advance(7);
      if (n % 12 === 0)
        (leader() === last ? tabs : tabs.filter((tab) => !tab.isDead && tab !== last && tab === leader()))[0]?.crash();
    }
    await origin.clock.advance(5_000);
    const offsets = (await Promise.all(answers)).map((answer) => (answer as { offset: string }).offset);
    expect(origin.server.published.map(({ data }) => data)).toEqual(numbers(40));
    expect(offsets).toEqual(offsets.toSorted());
    expect(new Set(offsets).size).toBe(40);
  });

  it('tell each tab that a channel is refused', async () => {
    const { origin, tabs } = await openTabs(3);
    origin.server.forbidden.add('secret');
    const told = tabs.map((tab) => tab.listen('secret'));
    await origin.clock.advance(1_000);
    expect(told).toEqual([['forbidden_channel'], ['forbidden_channel'], ['forbidden_channel']]);
    expect(tabs[0]?.client.state.type).toBe('connected');
  });

  it('go on after a loss of the link itself, which all are told', async () => {
    const { origin, tabs, told } = await openTabs(3);
    for (const way of [...origin.server.ways]) way.lose();
    origin.server.publish('news', 1);
    await origin.clock.advance(5_000);
    origin.server.publish('news', 2);
    await origin.clock.advance(1_000);
    for (const tab of tabs) {
      expect(told.get(tab)).toEqual([1, 2]);
      expect(tab.states.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['connecting', 'connected', 'waiting', 'connecting', 'connected']),
      );
    }
  });

  it.each(['page', 'leader'])(
    'that have begun where nothing was kept any more are told of a gap, whatever %s goes away',
    async (who) => {
      const { origin, leader } = await openTabs(2);
      for (const n of numbers(5)) origin.server.publish('news', n);
      origin.server.log('news').trim(0);
      await origin.clock.advance(1_000);
      const tab = origin.open();
      const told = tab.listen('news', { after: '-1' });
      await origin.clock.advance(1_000);
      if (who === 'page') tab.emit('pagehide');
      else leader().crash();
      for (const n of numbers(20, 6)) origin.server.publish('news', n);
      origin.server.log('news').trim(3);
      await origin.clock.advance(1_000);
      if (who === 'page') tab.emit('pageshow');
      await origin.clock.advance(20_000);
      expect(told).toEqual(['gap trimmed', 23, 24, 25]);
    },
  );

  it('do not share with another user, another server or other transports', async () => {
    const origin = new Origin();
    const tabs = [
      origin.open(),
      origin.open(),
      origin.open({ token: async () => tokenOf('somebody else') }),
      origin.open({ token: undefined }),
      origin.open({ url: 'http://elsewhere.test' }),
      origin.open({ transports: ['websocket'] }),
    ];
    for (const tab of tabs) tab.client.connect();
    await origin.clock.advance(1_000);
    expect(origin.links).toBe(5);
  });

  it('end with the client: nothing is left open, locked or running', async () => {
    const { origin, tabs } = await openTabs(4);
    for (const { client } of tabs) client.close();
    await origin.clock.advance(0);
    expect(origin.links).toBe(0);
    expect(origin.held.size).toBe(0);
    expect([...origin.queued.values()].flat()).toEqual([]);
    expect([...origin.buses.values()].reduce((sum, { size }) => sum + size, 0)).toBe(0);
    expect(origin.clock.pending).toBe(0);
    for (const { client } of tabs) expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
  });
});
