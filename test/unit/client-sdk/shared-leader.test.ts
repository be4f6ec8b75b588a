// How tabs without a worker find a hub: who leads, what is said where all hear it, and what becomes of a leader that another has followed.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { mergeOptions } from '../../../client-sdk/settings.js';
import type { Hub } from '../../../client-sdk/shared/hub.js';
import { meetLeader } from '../../../client-sdk/shared/leader.js';
import type { Locks, Meeting } from '../../../client-sdk/shared/meeting.js';
import type { Port } from '../../../client-sdk/shared/port.js';
import { FakeClock } from './fakes/fake-clock.js';

const KEY = 'key';
const OWN = `${KEY} 0.5`;

interface Asked {
  readonly name: string;
  readonly options: Parameters<Locks['request']>[1];
  /** The lock is given; `isLeft` once it is given back. */
  grant(): void;
  reject(): void;
  isLeft: boolean;
}

let clock: FakeClock;
let open: Map<string, Set<Channel>>;
let asked: Asked[];
let hubs: (Hub & { readonly end: () => void })[];
let meeting: Meeting;
const attach = vi.fn<(port: Port) => void>();
const heard = vi.fn();
/** What is said where all hear it. */
let said: unknown[];
let ear: Channel;

class Channel implements Port {
  onmessage: ((event: never) => void) | null = null;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    open.set(name, (open.get(name) ?? new Set()).add(this));
  }

  postMessage(data: unknown) {
    for (const other of [...(open.get(this.name) ?? [])]) if (other !== this) other.onmessage?.({ data } as never);
  }

  close() {
    open.get(this.name)?.delete(this);
  }
}

const settle = () => clock.advance(0);
const lock = (name: string) => asked.filter((one) => one.name === name).at(-1) as Asked;

beforeEach(() => {
  clock = new FakeClock();
  [open, asked, hubs, said] = [new Map(), [], [], []];
  attach.mockClear();
  heard.mockClear();
  const locks: Locks = {
    request: (name, options, hold) =>
      new Promise((resolve, reject) => {
        const one: Asked = {
          ...{ name, options, isLeft: false, reject: () => reject(new DOMException('stolen', 'AbortError')) },
          grant() {
            void Promise.resolve(hold()).then(() => {
              one.isLeft = true;
              resolve(undefined);
            });
          },
        };
        asked.push(one);
        options.signal?.addEventListener('abort', one.reject);
      }),
  };
  const settings = mergeOptions({ url: 'http://discovery.test', clock, fetch: vi.fn(), random: () => 0.5 });
  const createHub = (end: () => void) => {
    const hub = { end, serve: vi.fn(), logOut: vi.fn(), close: vi.fn() };
    hubs.push(hub);
    return hub;
  };
  meeting = meetLeader({ locks, BroadcastChannel: Channel }, KEY, settings, createHub, attach, heard);
  ear = new Channel(KEY);
  ear.onmessage = ({ data }: { data: unknown }) => void said.push(data);
});

afterEach(async () => {
  meeting.close();
  ear.close();
  await settle();
  expect([...open.values()].reduce((sum, { size }) => sum + size, 0)).toBe(attach.mock.calls.length);
  for (const [port] of attach.mock.calls) port.close();
});

const say = (word: object) => ear.postMessage(word);
/** It has the lock, and leads. */
function lead(): number {
  lock(KEY).grant();
  return (said.at(-1) as { hub: number }).hub;
}

it('a tab asks who leads, and leads once the lock is its own: it says so, and again to whoever asks', () => {
  meeting.ask();
  expect(said).toEqual([{ who: true }]);
  const number = lead();
  expect(number).toBeGreaterThanOrEqual(clock.now());
  say({ who: true });
  expect(said.slice(1)).toEqual([{ hub: number }, { hub: number }]);
  expect(hubs).toHaveLength(1);
});

it('a leader serves who joins it by its number, over a channel that is named like the lock', () => {
  const number = lead();
  say({ join: number - 1, lock: 'other' });
  expect(hubs[0]?.serve).not.toHaveBeenCalled();
  say({ join: number, lock: 'mine' });
  expect(hubs[0]?.serve).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: 'mine' }), 'mine');
  open.get('mine')?.clear();
});

it('a tab joins a hub that it hears of with a lock of its own, once, and hears from then on that it is there', () => {
  say({ hub: 7 });
  expect(heard).toHaveBeenCalledOnce();
  expect(attach).not.toHaveBeenCalled();
  lock(OWN).grant();
  expect(attach).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: OWN }));
  expect(said).toEqual([{ join: 7, lock: OWN }]);
  say({ hub: 7 });
  expect(heard).toHaveBeenCalledTimes(2);
  say({ hub: 6 });
  say({ who: true });
  expect(heard).toHaveBeenCalledTimes(2);
  expect(asked.filter(({ name }) => name === OWN)).toHaveLength(1);
});

it('a tab leaves a hub for one that came later, though it has not met it yet', async () => {
  say({ hub: 7 });
  const first = lock(OWN);
  say({ hub: 8 });
  first.grant();
  await settle();
  expect([first.isLeft, attach.mock.calls.length]).toEqual([true, 0]);
  lock(OWN).grant();
  expect(said).toEqual([{ join: 8, lock: OWN }]);
  const second = lock(OWN);
  say({ hub: 9 });
  await settle();
  expect([second.isLeft, lock(OWN).isLeft]).toEqual([true, false]);
});

it('a leader has a greater number than any that it has heard of, whatever its clock says', () => {
  const far = clock.now() + 1_000_000;
  say({ hub: far });
  expect(lead()).toBe(far + 1);
});

it('a leader that hears of a later one is none any more, and stands in the queue again', async () => {
  const number = lead();
  const first = lock(KEY);
  say({ hub: number });
  say({ hub: number - 1 });
  expect(hubs[0]?.close).not.toHaveBeenCalled();
  say({ hub: number + 1 });
  expect(hubs[0]?.close).toHaveBeenCalledOnce();
  await settle();
  expect([first.isLeft, lock(KEY) === first]).toEqual([true, false]);
  said.length = 0;
  say({ who: true });
  expect(said).toEqual([]);
});

it('a leader that was stolen from is none any more, and one whose hub has ended neither', async () => {
  lead();
  lock(KEY).reject();
  await settle();
  expect(hubs[0]?.close).toHaveBeenCalledOnce();
  expect(asked.filter(({ name }) => name === KEY)).toHaveLength(2);
  lead();
  hubs[1]?.end();
  await settle();
  expect(hubs[1]?.close).toHaveBeenCalledOnce();
  expect(asked.filter(({ name }) => name === KEY)).toHaveLength(3);
  hubs[1]?.end();
  expect(hubs[1]?.close).toHaveBeenCalledOnce();
});

it('a tab whose hub is silent takes the lock, unless it leads itself', async () => {
  meeting.renew(true);
  const theft = lock(KEY);
  expect(theft.options).toEqual({ steal: true });
  theft.grant();
  expect(hubs).toHaveLength(1);
  meeting.renew(true);
  expect(asked.filter(({ options }) => options.steal)).toHaveLength(1);
  // Its turn in the queue comes too: one of its hubs is enough.
  (asked[0] as Asked).grant();
  expect(hubs).toHaveLength(2);
  expect(hubs[0]?.close).toHaveBeenCalledOnce();
  await settle();
  expect([theft.isLeft, hubs[1]?.end === undefined]).toEqual([true, false]);
  meeting.renew(true);
  expect(asked.filter(({ options }) => options.steal)).toHaveLength(1);
});

it('a tab that is not given locks asks for no other', async () => {
  lock(KEY).reject();
  await settle();
  expect(asked.filter(({ name }) => name === KEY)).toHaveLength(1);
  expect(hubs).toEqual([]);
});

it('a tab that has left leads no more, and does not when its turn comes', async () => {
  lead();
  say({ hub: 1 });
  const first = lock(KEY);
  meeting.renew(true);
  meeting.close();
  await settle();
  lock(OWN).grant();
  await settle();
  expect([first.isLeft, lock(OWN).isLeft]).toEqual([true, true]);
  expect(hubs[0]?.close).toHaveBeenCalledOnce();
  expect(asked.filter(({ name }) => name === KEY)).toHaveLength(1);
  said.length = 0;
  say({ hub: clock.now() * 2 });
  expect([said, attach.mock.calls]).toEqual([[], []]);
});

it('a tab that leaves while it takes the lock makes no hub of it', async () => {
  meeting.renew(true);
  const theft = lock(KEY);
  meeting.close();
  theft.grant();
  await settle();
  expect([hubs, theft.isLeft]).toEqual([[], true]);
});

it('a tab that was stolen from before it could lead makes no hub of a lock that is not its own', async () => {
  const { grant, reject } = lock(KEY);
  reject();
  await settle();
  grant();
  expect(hubs).toEqual([]);
});
