// A tab's part of a connection that is shared, word by word: what it says to its hub, and what it makes of what it hears.

import { afterEach, describe, expect, it } from 'vitest';
import {
  DONE,
  EVENT,
  FAILED,
  FAILURE,
  HISTORY,
  PAGE_EVENT,
  PING,
  PUBLISH,
  REFUSED,
  SUBSCRIBE,
  TOKEN,
  UNSUBSCRIBE,
} from '../../../client-sdk/shared/words.js';
import { VERSION } from '../../../client-sdk/version.js';
import { LoneTab, outgoing, tell } from './fakes/lone-tab.js';
import { message } from './fakes/socket-server.js';
import { tokenOf } from './fakes/tabs.js';
import { offset } from './fakes/world.js';

let tab: LoneTab;
afterEach(() => tab.end());
const settle = () => tab.clock.advance(0);
const open = () => {
  tab = new LoneTab();
  return tab.connected();
};

describe('a hub', () => {
  it('is met by those of one version, server, set of transports and user', async () => {
    tab = new LoneTab();
    await tab.meet();
    expect(tab.meetings.map(({ key }) => key)).toEqual([`fanfare ${VERSION} http://discovery.test sse u`]);
    expect(tab.stateTypes).toEqual(['connecting']);
    tab.tab.connect();
    await settle();
    expect(tab.meetings).toHaveLength(1);
  });

  it('of another version is no hub', async () => {
    tab = new LoneTab();
    await tab.meet();
    tab.want('news');
    const hub = tab.attach();
    tell(hub, 'connected', 'of another time');
    tab.tab.sync();
    expect([hub.told, tab.stateTypes]).toEqual([[], ['connecting']]);
    tell(hub, 'connected');
    expect(hub.told.map(([, word]) => word)).toEqual([PAGE_EVENT, SUBSCRIBE]);
  });

  it('tells whose connection it is, while there is one', async () => {
    const hub = await open();
    expect(hub.take(PAGE_EVENT)).toEqual([['visibilitychange', false]]);
    expect(tab.tab.given).toEqual({ connection: 'c-1', user: 'u' });
    tell(hub, 'waiting');
    expect([tab.tab.given.connection, tab.tab.given.user]).toEqual([undefined, undefined]);
    expect(tab.stateTypes).toEqual(['connecting', 'connected', 'waiting']);
    tell(hub, 'connecting');
    tell(hub, 'connecting');
    expect(tab.stateTypes).toEqual(['connecting', 'connected', 'waiting', 'connecting']);
    expect(hub.told).toEqual([]);
  });

  it('is asked for what is wanted, each time under another number, and told what is wanted no more', async () => {
    const hub = await open();
    hub.told.length = 0;
    tab.want('a');
    const b = tab.want('b', offset(3));
    tab.tab.sync();
    tab.tab.sync();
    expect(hub.take(SUBSCRIBE)).toEqual([
      [1, 'a', 'now'],
      [2, 'b', offset(3)],
    ]);
    tab.channels.delete('a');
    tab.want('b', '-1');
    tab.tab.sync();
    expect(hub.told).toEqual([
      [0, UNSUBSCRIBE, 'a'],
      [0, SUBSCRIBE, [3, 'b', '-1']],
    ]);
    hub.say(EVENT, [2, message(4, 'b')]);
    hub.say(EVENT, [1, message(4, 'a')]);
    hub.say(REFUSED, [2, 'b', 'forbidden_channel']);
    expect([tab.received, tab.refused]).toEqual([[], []]);
    hub.say(EVENT, [3, message(5, 'b')]);
    expect(tab.received).toMatchObject([[{ data: 5 }, { order: 1 }]]);
    hub.say(REFUSED, [3, 'b', 'forbidden_channel']);
    hub.say(REFUSED, [3, 'b', 'forbidden_channel']);
    const failure = { close: 4500, code: 'forbidden_channel', message: 'forbidden_channel', channel: 'b' };
    expect(tab.refused).toMatchObject([[{ name: 'b', position: '-1' }, failure]]);
    expect(tab.channels.get('b')).not.toBe(b);
  });

  it('that has lost its link is asked for all again once it has another, from where each is then', async () => {
    const hub = await open();
    tab.want('news');
    tab.tab.sync();
    hub.told.length = 0;
    tell(hub, 'connected');
    expect(hub.told).toEqual([]);
    tell(hub, 'waiting');
    Object.assign(tab.channels.get('news') ?? {}, { position: offset(7) });
    hub.told.length = 0;
    tell(hub, 'connected');
    tab.tab.sync();
    const asked = hub.told.filter(([, word]) => word === SUBSCRIBE);
    expect(asked.length).toBeLessThanOrEqual(1);
    hub.say(EVENT, [1, message(8)]);
    expect(tab.received).toEqual([]);
  });

  it('says what has failed, with what belongs to it', async () => {
    const hub = await open();
    hub.say(FAILURE, [4006, 'overloaded', 'full', { retryAfterMs: 500, channel: 'news' }]);
    const failure = { close: 4006, code: 'overloaded', message: 'full', retryAfterMs: 500, channel: 'news' };
    expect(tab.errors).toMatchObject([failure]);
  });

  it('that another follows is heard no more, and the next one comes later by its order', async () => {
    const hub = await open();
    const other = tab.attach();
    expect(hub.isClosed).toBe(true);
    expect(tab.states.at(-1)).toEqual({ type: 'connecting' });
    tab.want('news');
    tell(hub, 'waiting');
    expect(tab.states.at(-1)).toEqual({ type: 'connecting' });
    expect(tab.tab.publish(outgoing(1))).toBe(false);
    tell(other, 'connected');
    hub.say(EVENT, [1, message(2)]);
    other.say(EVENT, [1, message(3)]);
    expect(tab.received).toMatchObject([[{ data: 3 }, { order: 2 }]]);
  });
});

describe('a hub that is silent', () => {
  it('before it has said anything is looked for, and after two looks in vain done without', async () => {
    tab = new LoneTab();
    const meeting = await tab.meet();
    expect(meeting.ask).toHaveBeenCalledTimes(1);
    await tab.clock.advance(999);
    expect(meeting.ask).toHaveBeenCalledTimes(2);
    expect(meeting.renew).not.toHaveBeenCalled();
    await tab.clock.advance(1);
    expect(meeting.renew).toHaveBeenCalledExactlyOnceWith(false);
    await tab.clock.advance(1_499);
    expect(meeting.renew).toHaveBeenCalledOnce();
    await tab.clock.advance(1);
    expect(meeting.renew).toHaveBeenCalledTimes(2);
  });

  it('is asked for a sign of life each half second, and replaced after two without one', async () => {
    const hub = await open();
    for (let n = 0; n < 5; n++) {
      await tab.clock.advance(500);
      hub.say(DONE, undefined, hub.asked(PING));
    }
    const [meeting] = tab.meetings;
    expect(hub.take(PING)).toHaveLength(5);
    expect(meeting?.renew).not.toHaveBeenCalled();
    await tab.clock.advance(1_499);
    expect(meeting?.renew).not.toHaveBeenCalled();
    await tab.clock.advance(1);
    expect(meeting?.renew).toHaveBeenCalledExactlyOnceWith(true);
  });

  it('is asked each ten seconds while nobody sees the page, and at once when that changes', async () => {
    tab = new LoneTab();
    tab.isHidden = true;
    const hub = await tab.connected();
    await tab.clock.advance(0);
    expect(hub.take(PAGE_EVENT)).toEqual([['visibilitychange', true]]);
    await tab.clock.advance(9_999);
    expect(hub.told).toEqual([]);
    await tab.clock.advance(1);
    expect(hub.take(PING)).toHaveLength(1);
    tab.isHidden = false;
    tab.emit('visibilitychange');
    expect(hub.told.map(([, word, value]) => [word, value])).toEqual([
      [PAGE_EVENT, ['visibilitychange', false]],
      [PING, undefined],
    ]);
  });
});

describe('a publish', () => {
  it('goes to the hub once, and its answer comes back', async () => {
    const hub = await open();
    const [one, other] = [outgoing(1), outgoing(2)];
    expect([tab.tab.publish(one), tab.tab.publish(one), tab.tab.publish(other)]).toEqual([true, true, true]);
    const asked = hub.told.filter(([, word]) => word === PUBLISH);
    expect(asked.map(([, , body]) => body)).toEqual([one.body, other.body]);
    hub.say(DONE, { offset: offset(1) }, asked[0]?.[0]);
    hub.say(FAILED, [4500, 'forbidden', 'no', {}], asked[1]?.[0]);
    await settle();
    expect(one.done).toHaveBeenCalledExactlyOnceWith(undefined, offset(1));
    expect(other.done).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'forbidden', close: 4500 }));
    expect(tab.tab.publish(one)).toBe(true);
  });

  it('that the hub takes with it is left to the next one', async () => {
    const hub = await open();
    const one = outgoing(1);
    tab.tab.publish(one);
    tell(hub, 'waiting');
    expect(tab.tab.publish(outgoing(2))).toBe(false);
    const next = tab.attach();
    await settle();
    expect(one.done).not.toHaveBeenCalled();
    tell(next, 'connected');
    expect(tab.tab.publish(one)).toBe(true);
    next.say(DONE, { offset: offset(1) }, next.asked(PUBLISH));
    await settle();
    expect(one.done).toHaveBeenCalledExactlyOnceWith(undefined, offset(1));
  });
});

it('history is the hub’s to give, and a failure of the network where there is none', async () => {
  tab = new LoneTab();
  await expect(tab.tab.history('news', '-1')).rejects.toMatchObject({ code: 'network', close: 1006 });
  const hub = await tab.connected();
  const page = tab.tab.history('news', { last: 2 });
  expect(hub.told.at(-1)).toMatchObject([expect.any(Number), HISTORY, ['news', { last: 2 }]]);
  hub.say(DONE, { offset: offset(2) }, hub.asked(HISTORY));
  expect(await page).toEqual({ offset: offset(2) });
});

describe('a token', () => {
  it('by which the user was found is lent first, and then another each time', async () => {
    tab = new LoneTab();
    await tab.meet();
    const hub = tab.attach();
    tell(hub, 'connecting');
    hub.told.length = 0;
    for (const [n, reason] of ['connect', 'connect', 'refused'].entries()) {
      hub.say(TOKEN, reason, n + 1);
      await settle();
    }
    expect(hub.told.map(([n, word, token]) => [n, word, token])).toEqual(
      [1, 2, 3].map((n) => [n, DONE, tokenOf('u', n)]),
    );
    expect(tab.token.mock.calls.map(([{ reason }]) => reason)).toEqual(['connect', 'connect', 'refused']);
  });

  it.each([
    ['that was refused', 'refused', false],
    ['that is left over once it is connected', 'renew', true],
  ])('%s is not lent again', async (_what, reason, isConnected) => {
    tab = new LoneTab();
    await tab.meet();
    const hub = tab.attach();
    tell(hub, isConnected ? 'connected' : 'connecting');
    hub.say(TOKEN, reason, 1);
    await settle();
    expect(hub.told.at(-1)).toEqual([1, DONE, tokenOf('u', 2)]);
  });

  it('of somebody else is not lent', async () => {
    const hub = await open();
    tab.token.mockImplementation(async () => tokenOf('somebody else'));
    hub.say(TOKEN, 'renew', 1);
    await settle();
    const failure = [1006, 'token', expect.stringContaining('another user'), {}];
    expect(hub.told.at(-1)).toMatchObject([1, FAILED, failure]);
  });

  it('that fails is asked for again less and less often, until the application has enough of it', async () => {
    tab = new LoneTab();
    tab.token.mockRejectedValue(new Error('down'));
    tab.tab.connect();
    await tab.clock.advance(800);
    const waits = tab.states.flatMap((state) => (state.type === 'waiting' ? [[state.retryInMs, state.cause]] : []));
    expect(waits).toEqual([
      [250, 'token'],
      [500, 'token'],
      [1_000, 'token'],
    ]);
    tab.onError = () => tab.tab.close();
    await tab.clock.advance(1_000);
    expect(tab.stateTypes.slice(-2)).toEqual(['connecting', 'closed']);
  });
});
