// The hub that tabs share, word by word: what it tells each of them, and what it makes of what they say.

import { afterEach, describe, expect, it } from 'vitest';
import {
  DONE,
  EVENT,
  FAILED,
  FAILURE,
  HISTORY,
  LOG_OUT,
  PAGE_EVENT,
  PING,
  PUBLISH,
  REFUSED,
  STATE,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../../../client-sdk/shared/words.js';
import { VERSION } from '../../../client-sdk/version.js';
import { HubWorld, SECRET, type SpokenPort } from './fakes/hub-tabs.js';
import { message, resume } from './fakes/socket-server.js';
import { offset } from './fakes/world.js';

let world: HubWorld;
afterEach(() => world.end());
const settle = () => world.clock.advance(0);

async function accept(heartbeatMs = 7_000) {
  const socket = await world.network.sockets.next();
  await socket.accept(heartbeatMs, ['ping', 'quiet']);
  return socket;
}

/** A tab that is subscribed to `news`, at 1. */
async function reading() {
  world = new HubWorld();
  const tab = world.join();
  tab.show(false);
  const socket = await accept();
  tab.say(SUBSCRIBE, [1, 'news', 'now']);
  await settle();
  await resume(socket, 1);
  return { tab, socket };
}

/** The last state of the client that it was told. */
const stateOf = (tab: SpokenPort) => (tab.take(STATE).at(-1) as readonly unknown[] | undefined)?.[0];
const events = (tab: SpokenPort) => tab.take(EVENT);
const subscribed = (serial: number, n: number) => [
  serial,
  { channel: 'news', type: 'subscribed', offset: offset(n), recovered: true },
];

describe('a tab', () => {
  it('is told where the client is, first of all and at each change', async () => {
    world = new HubWorld();
    const tab = world.join();
    expect(tab.told[0]).toEqual([0, STATE, [{ type: 'connecting' }, undefined, VERSION, SECRET]]);
    await accept();
    const state = { type: 'connected', transport: 'websocket', node: 'n1' };
    const view = [state, { id: 'c-s', user: 'u1', node: 'n1', transport: 'websocket' }, VERSION, SECRET];
    expect(tab.told.at(-1)).toEqual([0, STATE, view]);
    expect(world.join('another').told).toEqual([[0, STATE, view]]);
  });

  it('is given what it has subscribed to, under its number, from where its subscription is', async () => {
    const { tab, socket } = await reading();
    socket.send(message(2));
    const gap = { type: 'gap', channel: 'news', after: offset(2), offset: offset(4), reason: 'trimmed' };
    socket.send(gap);
    expect(events(tab)).toMatchObject([subscribed(1, 1), [1, message(2)], [1, gap]]);
    const other = world.join('another');
    other.say(SUBSCRIBE, [7, 'news', 'now']);
    expect(events(other)).toEqual([subscribed(7, 4)]);
    other.say(SUBSCRIBE, [8, 'news', offset(9)]);
    expect(events(other)).toEqual([subscribed(8, 9)]);
    for (const n of [9, 10]) socket.send(message(n));
    expect(events(tab)).toHaveLength(2);
    expect(events(other)).toMatchObject([[8, message(10)]]);
    await settle();
    expect(socket.commands.waiting.map(({ type }) => type)).not.toContain('unsubscribe');
  });

  it('that asks again for what it has goes on under the newer number alone, and the node is asked for nothing', async () => {
    const { tab, socket } = await reading();
    events(tab);
    socket.commands.takeAll();
    tab.say(SUBSCRIBE, [2, 'news', offset(1)]);
    socket.send(message(2));
    await world.clock.advance(300);
    expect(events(tab)).toMatchObject([subscribed(2, 1), [2, message(2)]]);
    expect(socket.commands.waiting).toEqual([]);
  });

  it('that leaves a channel hears nothing more of it, nor does the node keep it; leaving it twice is nothing', async () => {
    const { tab, socket } = await reading();
    events(tab);
    socket.commands.takeAll();
    tab.say(UNSUBSCRIBE, 'news');
    tab.say(UNSUBSCRIBE, 'news');
    tab.say(UNSUBSCRIBE, 'never');
    socket.send(message(2));
    await settle();
    expect(tab.told).toEqual([]);
    expect(await socket.next('unsubscribe')).toMatchObject({ channels: ['news'] });
  });

  it('is told which channel it is refused, and all are told that something failed', async () => {
    const { tab, socket } = await reading();
    const other = world.join('another');
    socket.commands.takeAll();
    tab.say(SUBSCRIBE, [2, 'secret', 'now']);
    await settle();
    const { id } = await socket.next('subscribe');
    events(tab);
    events(other);
    socket.send({ type: 'error', id, channel: 'secret', code: 'forbidden_channel', message: 'no' });
    const failure = [4500, 'forbidden_channel', 'secret: no', { channel: 'secret', retryAfterMs: undefined }];
    expect(tab.told).toEqual([
      [0, REFUSED, [2, 'secret', 'forbidden_channel']],
      [0, FAILURE, failure],
    ]);
    expect(other.told).toEqual([[0, FAILURE, failure]]);
    for (let n = 0; n < 128; n++) other.say(SUBSCRIBE, [n, `c${n}`, 'now']);
    expect(other.take(REFUSED)).toEqual([[127, 'c127', 'too_many_channels']]);
  });

  it('has its questions answered: a publish, history, a sign of life', async () => {
    const { tab, socket } = await reading();
    tab.told.length = 0;
    socket.commands.takeAll();
    tab.say(PING, undefined, 1);
    await settle();
    tab.say(PUBLISH, { channel: 'out', data: { n: 1 }, key: 'k1' }, 2);
    const publish = await socket.next('publish');
    expect(publish).toMatchObject({ channel: 'out', data: { n: 1 }, key: 'k1' });
    socket.send({ type: 'published', id: publish.id, channel: 'out', offset: offset(3) });
    await settle();
    tab.say(HISTORY, ['news', { last: 2 }], 3);
    const poll = await world.network.request('/v1/poll');
    expect(poll.body.channels).toEqual({ news: { last: 2 } });
    poll.answer(200, { channels: { news: { offset: offset(1), messages: [] } } });
    await settle();
    tab.say(HISTORY, ['news', '-1'], 4);
    (await world.network.request('/v1/poll')).refuse(403, 'forbidden_channel');
    await settle();
    expect(tab.told).toMatchObject([
      [1, DONE, undefined],
      [2, DONE, { offset: offset(3) }],
      [3, DONE, { offset: offset(1), messages: [], more: false }],
      [4, FAILED, [4500, 'forbidden_channel', 'http://n1.test/v1/poll: forbidden_channel', {}]],
    ]);
  });

  it('knocks at timers that are due, as where the page of the hub has them late', async () => {
    const { tab, socket } = await reading();
    socket.commands.takeAll();
    world.clock.sleep(7_999);
    tab.say(PING, undefined, 1);
    expect(socket.commands.waiting).toEqual([]);
    world.clock.sleep(1);
    tab.say(PING, undefined, 2);
    await socket.next('ping');
    await settle();
    expect(socket.commands.waiting).toEqual([]);
  });
});

describe('tabs', () => {
  it('are hidden to the node while nobody sees any of them', async () => {
    world = new HubWorld();
    const tab = world.join();
    const socket = await accept();
    expect(await socket.next('quiet')).toMatchObject({ heartbeatMs: 60_000 });
    const other = world.join('another');
    tab.show(false);
    expect(await socket.next('quiet')).toMatchObject({ heartbeatMs: 7_000 });
    await socket.next('ping');
    other.show(true);
    expect(socket.commands.takeAll().map(({ type }) => type)).not.toContain('quiet');
    world.locks.get('lock')?.();
    expect(await socket.next('quiet')).toMatchObject({ heartbeatMs: 60_000 });
    expect([tab.isClosed, other.isClosed]).toEqual([true, false]);
  });

  it('whose pages go offline and online take the client with them', async () => {
    const { tab, socket } = await reading();
    tab.say(PAGE_EVENT, ['offline', false]);
    expect(socket.closedByClient).toBe(true);
    expect(stateOf(tab)).toMatchObject({ type: 'waiting', cause: 'offline' });
    tab.say(PAGE_EVENT, ['online', false]);
    await accept();
    expect(tab.take(STATE).map((told) => (told as readonly object[])[0])).toMatchObject([
      { type: 'connecting' },
      { type: 'connected' },
    ]);
  });

  it('that go one after the other leave what was theirs, and the last ends it all', async () => {
    const { tab, socket } = await reading();
    const other = world.join('another');
    other.say(SUBSCRIBE, [1, 'more', 'now']);
    await settle();
    socket.commands.takeAll();
    world.locks.get('lock')?.();
    await settle();
    const left = socket.commands.takeAll().filter(({ type }) => type === 'unsubscribe');
    expect(left).toMatchObject([{ channels: ['news'] }]);
    expect([tab.isClosed, socket.isOpen]).toEqual([true, true]);
    expect(world.ended).not.toHaveBeenCalled();
    world.locks.get('another')?.();
    expect([other.isClosed, socket.isOpen]).toEqual([true, false]);
    expect(world.ended).toHaveBeenCalledOnce();
  });

  it.each([
    ['a node ends the client for good', 'revoked', 4503],
    ['one of them logs out', 'logged_out', 1000],
  ])('are told once when %s, and of no channel by itself', async (_what, reason, code) => {
    const { tab, socket } = await reading();
    const other = world.join('another');
    tab.told.length = 0;
    other.told.length = 0;
    if (code === 1000) tab.say(LOG_OUT);
    else socket.close(code, reason);
    const state = [0, STATE, [{ type: 'closed', code, reason }, undefined, VERSION, SECRET]];
    expect(other.told.filter(([, word]) => word !== FAILURE)).toEqual(
      code === 1000 ? [[...state.slice(0, 2), expect.anything()]] : [state],
    );
    expect(tab.take(REFUSED)).toEqual([]);
    expect([tab.isClosed, other.isClosed, socket.isOpen]).toEqual([true, true, false]);
    expect(world.ended).toHaveBeenCalledOnce();
  });

  it('hear no word when the hub is closed, and are heard no more', async () => {
    const { tab, socket } = await reading();
    tab.told.length = 0;
    world.hub.close();
    world.hub.close();
    tab.say(SUBSCRIBE, [2, 'more', 'now']);
    tab.say(PING, undefined, 1);
    await settle();
    expect(tab.told).toEqual([]);
    expect([tab.isClosed, socket.isOpen]).toEqual([true, false]);
    expect(world.ended).toHaveBeenCalledOnce();
  });
});
