// What is remembered of the transports: for the next link, the next page and other tabs, for half an hour, wherever it can be stored.

import { afterEach, describe, expect, it } from 'vitest';
import type { StorageLike } from '../../../client-sdk/types.js';
import { acceptStream } from './fakes/streams.js';
import { World } from './fakes/world.js';

const KEY = 'fanfare:http://discovery.test';
const HALF_AN_HOUR_MS = 1_800_000;

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
  for (const name of ['localStorage', 'sessionStorage']) Reflect.deleteProperty(globalThis, name);
});

class Stored implements StorageLike {
  readonly entries = new Map<string, string>();
  getItem = (key: string) => this.entries.get(key) ?? null;
  setItem = (key: string, value: string) => void this.entries.set(key, value);
}

const no = () => {
  throw new Error('forbidden');
};

/** What this browser has; `undefined` throws when it is looked at. */
function browser(stores: Readonly<Partial<Record<'localStorage' | 'sessionStorage', StorageLike | null | undefined>>>) {
  for (const [name, value] of Object.entries(stores)) {
    Object.defineProperty(globalThis, name, {
      get: () => (value === undefined ? no() : value),
      configurable: true,
    });
  }
}

/** A page of the application; the one before is left. */
function visit(storage?: StorageLike): World {
  world?.client.close();
  world = new World({ storage });
  world.subscribe('news');
  return world;
}

async function acceptedStream() {
  const stream = await acceptStream(world);
  expect(world.client.state).toMatchObject({ transport: 'sse' });
  return stream;
}

/** The first visit on a network that refuses WebSockets. */
async function firstVisit(storage?: StorageLike) {
  visit(storage);
  (await world.network.sockets.next()).close();
  return acceptedStream();
}

const beginsWithStream = async () => {
  await acceptedStream();
  expect(world.network.sockets.waiting).toEqual([]);
};

describe('what works instead of the first transport', () => {
  it('is what the next link begins with', async () => {
    const stream = await firstVisit(new Stored());
    stream.end();
    await world.clock.advance(250);
    await beginsWithStream();
  });

  it('is what the next page and another tab begin with', async () => {
    const localStorage = new Stored();
    browser({ localStorage, sessionStorage: new Stored() });
    await firstVisit();
    browser({ localStorage, sessionStorage: new Stored() });
    visit();
    await beginsWithStream();
  });

  it.each([
    ['is forbidden', { localStorage: undefined }],
    ['is missing', {}],
    ['is null, as in a web view', { localStorage: null }],
    ['is full', { localStorage: { getItem: () => null, setItem: no } }],
  ])('is remembered by the session where the storage of the origin %s', async (_what, stores) => {
    browser({ ...stores, sessionStorage: new Stored() });
    await firstVisit();
    visit();
    await beginsWithStream();
  });

  it.each([
    ['no storage', undefined],
    ['a storage that throws', { getItem: no, setItem: no }],
    ['a storage that is full', { getItem: () => null, setItem: no }],
  ])('is remembered by the page itself with %s', async (_what, storage) => {
    const stream = await firstVisit(storage);
    stream.end();
    await world.clock.advance(250);
    await beginsWithStream();
  });

  it('is forgotten after half an hour', async () => {
    const storage = new Stored();
    await firstVisit(storage);
    const at = (ageMs: number) => storage.setItem(KEY, `sse ${world.clock.now() - ageMs}`);
    at(HALF_AN_HOUR_MS - 1);
    visit(storage);
    await beginsWithStream();
    at(HALF_AN_HOUR_MS);
    visit(storage);
    await world.network.sockets.next();
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it.each([
    ['nonsense', () => 'nonsense'],
    ['a transport that is none', (now: number) => `pigeon ${now}`],
    ['a name that every object has', (now: number) => `constructor ${now}`],
    ['no time', () => 'sse'],
    ['a time that is none', () => 'sse soon'],
    ['a time far ahead, as of a clock that was wrong', (now: number) => `sse ${now + 31_536_000_000}`],
    ['the entry of an older version', (now: number) => `1 ${now}`],
    ['something that is no text', () => ({}) as string],
  ])('is not believed from %s', async (_what, entry) => {
    visit({ getItem: () => entry(world.clock.now()), setItem() {} });
    await world.network.sockets.next();
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('is remembered for longer when the first one fails again', async () => {
    const storage = new Stored();
    const stream = await firstVisit(storage);
    const before = storage.getItem(KEY);
    for (let waited = 0; waited < 60_000; waited += 5_000) {
      await world.clock.advance(5_000);
      stream.write(':\n\n');
    }
    (await world.network.sockets.next()).close();
    expect(before).toBe(`sse ${world.clock.now() - 60_000}`);
    expect(storage.getItem(KEY)).toBe(`sse ${world.clock.now()}`);
  });

  it('is tried before the first one, and the first one after it', async () => {
    visit({ getItem: () => `short-poll ${world.clock.now()}`, setItem() {} });
    (await world.network.request('/v1/poll')).fail();
    await world.network.sockets.next();
  });
});

it('nothing is stored where the first transport works', async () => {
  const storage = new Stored();
  visit(storage);
  const socket = await world.network.sockets.next();
  await socket.accept();
  for (let beats = 0; beats < 10; beats++) {
    await world.clock.advance(20_000);
    socket.send({ type: 'heartbeat' });
  }
  expect([...storage.entries]).toEqual([]);
});

it('nothing is stored where there is no other', async () => {
  const storage = new Stored();
  world = new World({ storage, transports: ['websocket'] });
  world.subscribe('news');
  for (let deaths = 0; deaths < 4; deaths++) {
    const socket = await world.network.sockets.next();
    await socket.accept();
    socket.close();
    await world.clock.advance(4_000);
  }
  expect([...storage.entries]).toEqual([]);
});
