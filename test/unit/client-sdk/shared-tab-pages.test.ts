// A tab that shares a connection: its page that is put away and comes back, its log-out, and what ends it.

import { afterEach, describe, expect, it } from 'vitest';
import { DONE, LOG_OUT, PAGE_EVENT, STATE, TOKEN } from '../../../client-sdk/shared/words.js';
import { VERSION } from '../../../client-sdk/version.js';
import { LoneTab, outgoing, tell } from './fakes/lone-tab.js';
import { tokenOf } from './fakes/tabs.js';

let tab: LoneTab;
afterEach(() => tab.end());
const settle = () => tab.clock.advance(0);

describe('a page', () => {
  it('that is put away leaves its hub and waits, and looks for one again when it is back', async () => {
    tab = new LoneTab();
    const hub = await tab.connected();
    tab.emit('pagehide');
    tab.emit('pagehide');
    const [meeting] = tab.meetings;
    expect(meeting?.close).toHaveBeenCalledOnce();
    expect([hub.isClosed, tab.clock.pending]).toEqual([true, 0]);
    expect(tab.states.slice(2)).toEqual([{ type: 'waiting', retryInMs: 0, cause: 'offline' }]);
    expect(tab.tab.publish(outgoing(1))).toBe(false);
    await expect(tab.tab.history('news', '-1')).rejects.toMatchObject({ code: 'network' });
    tab.emit('pageshow');
    tab.emit('pageshow');
    await settle();
    expect(tab.meetings).toHaveLength(2);
    expect(tab.stateTypes).toEqual(['connecting', 'connected', 'waiting', 'connecting']);
    await tab.connected();
    expect(tab.states.at(-1)?.type).toBe('connected');
  });

  it('that comes back to another user is closed, and nobody goes on with what the one before had', async () => {
    tab = new LoneTab();
    await tab.connected();
    tab.emit('pagehide');
    tab.token.mockImplementation(async () => tokenOf('ben'));
    tab.emit('pageshow');
    await settle();
    expect(tab.meetings).toHaveLength(1);
    expect(tab.states.at(-1)).toEqual({ type: 'closed', code: 1000, reason: 'user_changed' });
    tab.tab.connect();
    await settle();
    expect(tab.meetings).toHaveLength(2);
  });

  it('that is put away while it asks for a token meets nobody, and begins anew when it is back', async () => {
    tab = new LoneTab();
    const answers: ((token: string) => void)[] = [];
    tab.token.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
    tab.tab.connect();
    await settle();
    tab.emit('pagehide');
    tab.emit('pageshow');
    await settle();
    answers[0]?.(tokenOf('u'));
    await settle();
    expect(tab.meetings).toHaveLength(1);
    expect(tab.stateTypes).toEqual(['connecting', 'waiting', 'connecting']);
  });

  it('that is put away while it waits to ask again is back at once', async () => {
    tab = new LoneTab();
    tab.token.mockRejectedValueOnce(new Error('down'));
    tab.tab.connect();
    await settle();
    expect(tab.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'token' });
    tab.emit('pagehide');
    expect(tab.clock.pending).toBe(0);
    tab.emit('pageshow');
    await settle();
    expect(tab.meetings).toHaveLength(1);
  });

  it('that has a token again forgets what failed before', async () => {
    tab = new LoneTab();
    const fail = () => tab.token.mockRejectedValueOnce(new Error('down'));
    for (let n = 0; n < 2; n++) fail();
    tab.tab.connect();
    await tab.clock.advance(750);
    expect(tab.meetings).toHaveLength(1);
    fail();
    tab.emit('pagehide');
    tab.emit('pageshow');
    await settle();
    const waits = tab.states.flatMap((state) => (state.type === 'waiting' ? [state.retryInMs] : []));
    expect(waits).toEqual([250, 500, 0, 250]);
  });

  it('tells its hub what becomes of it, and has it answer then', async () => {
    tab = new LoneTab();
    await tab.meet();
    const meeting = tab.meetings[0];
    tab.emit('online');
    expect(meeting?.ask).toHaveBeenCalledTimes(2);
    const hub = await tab.connected();
    hub.told.length = 0;
    tab.emit('offline');
    expect(hub.take(PAGE_EVENT)).toEqual([['offline', false]]);
    expect(meeting?.ask).toHaveBeenCalledTimes(2);
  });
});

describe('a log-out', () => {
  it('before there is a hub closes the tab, and one on the way to it is told as soon as there is one', async () => {
    tab = new LoneTab();
    tab.tab.connect();
    tab.tab.logOut();
    expect(tab.states.at(-1)).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    await tab.meet();
    tab.tab.logOut();
    const hub = tab.attach();
    expect([hub.told, tab.states.at(-1)?.type]).toEqual([[], 'connecting']);
    tell(hub, 'connected');
    expect(hub.told.map(([, word]) => word)).toEqual([PAGE_EVENT, LOG_OUT]);
  });

  it('is the hub’s to make of it what it is: closed for all, and after it another log-in is none', async () => {
    tab = new LoneTab();
    const hub = await tab.connected();
    hub.told.length = 0;
    tab.tab.logOut();
    expect(hub.told).toEqual([[0, LOG_OUT, undefined]]);
    expect(tab.states.at(-1)?.type).toBe('connected');
    hub.say(STATE, [{ type: 'closed', code: 1000, reason: 'logged_out' }, undefined, VERSION]);
    expect(tab.states.at(-1)).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect([hub.isClosed, tab.listeners]).toEqual([true, 0]);
    tab.tab.connect();
    await settle();
    const next = tab.attach();
    tell(next, 'connected');
    expect(next.told.map(([, word]) => word)).toEqual([PAGE_EVENT]);
  });

  it('of a function for tokens that says `null` before tabs have met closes this one', async () => {
    tab = new LoneTab();
    tab.token.mockResolvedValue(null);
    await tab.meet();
    expect(tab.states).toEqual([{ type: 'connecting' }, { type: 'closed', code: 1000, reason: 'logged_out' }]);
    expect(tab.errors).toEqual([]);
  });
});

it('a user whose token has letters of base64url alone is the same user as elsewhere', async () => {
  const user = '~~~???>>>ÿ';
  expect([...tokenOf(user)].filter((letter) => /[-_]/.test(letter)).join('')).toMatch(/-.*_|_.*-/);
  tab = new LoneTab();
  tab.token.mockImplementation(async () => tokenOf(user));
  await tab.meet();
  const bytes = String.fromCharCode(...new TextEncoder().encode(user));
  expect(tab.meetings.map(({ key }) => key)).toEqual([expect.stringMatching(/ sse /)]);
  expect(tab.meetings[0]?.key.endsWith(` ${bytes}`)).toBe(true);
});

describe('a tab that is closed', () => {
  it('is told nothing more, and says nothing', async () => {
    tab = new LoneTab();
    const hub = await tab.connected();
    hub.told.length = 0;
    tab.tab.close();
    tab.tab.close();
    tell(hub, 'waiting');
    hub.say(TOKEN, 'renew', 1);
    tab.emit('pagehide');
    tab.emit('pageshow');
    tab.tab.sync();
    await settle();
    expect(tab.stateTypes).toEqual(['connecting', 'connected', 'closed']);
    expect(hub.told).toEqual([]);
    expect(tab.meetings[0]?.close).toHaveBeenCalledOnce();
    expect(tab.tab.publish(outgoing(1))).toBe(false);
  });

  it('while it waits for a lock, or for a token, meets nobody', async () => {
    let grant = () => {};
    tab = new LoneTab(
      {},
      { request: (_name, _options, hold) => new Promise((resolve) => (grant = () => resolve(hold()))) },
    );
    tab.tab.connect();
    tab.tab.close();
    grant();
    await settle();
    expect([tab.token.mock.calls, tab.meetings]).toEqual([[], []]);
    tab = new LoneTab();
    let fail = (_error: Error) => {};
    tab.token.mockImplementation(() => new Promise((_, reject) => (fail = reject)));
    tab.tab.connect();
    await settle();
    tab.tab.close();
    fail(new Error('down'));
    await settle();
    expect([tab.meetings, tab.errors, tab.stateTypes]).toEqual([[], [], ['connecting', 'closed']]);
  });

  it('gives up the call for a token that is on its way', async () => {
    tab = new LoneTab();
    const hub = await tab.connected();
    const signals: AbortSignal[] = [];
    tab.token.mockImplementation((context) => {
      signals.push((context as { signal?: AbortSignal }).signal as AbortSignal);
      return new Promise(() => {});
    });
    hub.say(TOKEN, 'renew', 1);
    await settle();
    tab.tab.close();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(hub.told.filter(([, word]) => word === DONE)).toEqual([]);
  });
});
