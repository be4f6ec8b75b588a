// What a caller is told who hands in what cannot be: which argument it is, how it looks, and what was expected in its place.

import { afterEach, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createSharedClient } from '../../../client-sdk/shared.js';
import { createClient as createReadingClient } from '../../../client-sdk/sse.js';
import type { ClientOptions } from '../../../client-sdk/types.js';
import { createClient as createWebSocketClient } from '../../../client-sdk/websocket-only.js';
import { World } from './fakes/world.js';

let world: World | undefined;
afterEach(() => {
  world?.client.close();
  world = undefined;
});

const url = 'http://discovery.test';
const NAMES = 'url,token,transports,WebSocket,fetch,random,pollIntervalMs,pollWaitMs,clock,debug,storage';

it.each([
  [{ url: 'nowhere' }, 'bad url: "nowhere" is not an http(s):// URL without query'],
  [{ url: `${url}/?a=1` }, `bad url: "${url}/?a=1" is not an http(s):// URL without query`],
  [{ url: new URL(url) }, 'bad url: object is not an http(s):// URL without query'],
  [{ url: undefined }, 'bad url: undefined is not an http(s):// URL without query'],
  [{ token: 5 }, 'bad token: 5 is not a text or a function'],
  [{ token: '' }, 'bad token: "" is not a text or a function'],
  [{ token: Promise.resolve('jwt') }, 'bad token: object is not a text or a function'],
  [{ transports: [] }, 'bad transports: object is not a list of transports, not empty'],
  [{ transports: 'sse' }, 'bad transports: "sse" is not a list of transports, not empty'],
  [{ tokn: 'jwt' }, `bad option: "tokn" is not ${NAMES}`],
  [{ transport: ['sse'] }, `bad option: "transport" is not ${NAMES}`],
  [{ WebSocket: null }, 'bad WebSocket: null is not a function'],
  [{ fetch: 5 }, 'bad fetch: 5 is not a function'],
  [{ random: 0.5 }, 'bad random: 0.5 is not a function'],
  [{ pollIntervalMs: 9 }, 'bad pollIntervalMs: 9 is not an integer from 10 to 3600000'],
  [{ pollWaitMs: 60_001 }, 'bad pollWaitMs: 60001 is not an integer from 1 to 60000'],
  [{ clock: { now: Date.now } }, 'bad clock: object is not a clock'],
  [{ debug: 'yes' }, 'bad debug: "yes" is not a function or a boolean'],
  [{ storage: 5 }, 'bad storage: 5 is not a storage, or null'],
])('an option: %j', (option, message) => {
  expect(() => createClient({ url, ...option } as ClientOptions)).toThrow(new TypeError(message));
});

it.each(['now', 'monotonic', 'setTimeout', 'clearTimeout'])('a clock lacks no function, such as %s', (name) => {
  const clock = { now: Date.now, monotonic: Date.now, setTimeout, clearTimeout, [name]: undefined };
  expect(() => createClient({ url, clock } as never)).toThrow(/^bad clock/);
});

it.each(['getItem', 'setItem'])('a storage lacks no function, such as %s', (name) => {
  const storage = { getItem: () => null, setItem() {}, [name]: undefined };
  expect(() => createClient({ url, storage } as never)).toThrow(/^bad storage/);
});

it.each([
  ['subscribe', ['a b'], 'bad channel: "a b" is not a name: up to 200 of A-Za-z0-9_.:@=+~-'],
  ['subscribe', ['news', { after: 'never' }], 'bad after: "never" is not /^(-1|now|\\d{13}-\\d{16})$/'],
  ['subscribe', ['news', { last: 1_001 }], 'bad last: 1001 is not an integer from 0 to 1000'],
  ['subscribe', ['news', { last: 1, after: '-1' }], 'bad after: "-1" is not possible beside "last"'],
  ['subscribe', ['news', { afer: '-1' }], 'bad option: "afer" is not after,last,gaps,maxPerSecond,signal'],
  ['subscribe', ['news', () => {}], 'bad options: function is not an object before the listener'],
  ['subscribe', ['news', null], 'bad options: null is not an object before the listener'],
  ['subscribe', ['news', { signal: 5 }], 'bad signal: 5 is not an AbortSignal'],
  ['subscribe', ['news', { gaps: 'ignore' }], 'bad gaps: "ignore" is not /^(throw|yield)$/'],
  ['subscribe', ['news', {}, 5], 'bad listener: 5 is not a function'],
  ['subscribe', ['news', { maxPerSecond: 0 }], 'bad maxPerSecond: 0 is not an integer from 1 to 10000'],
  ['publish', ['news', 1, { key: 'a b' }], 'bad key: "a b" is not /^[!-~]{1,128}$/'],
  ['publish', ['news', 1, { key: 5 }], 'bad key: 5 is not /^[!-~]{1,128}$/'],
  ['publish', ['news', 1, { kye: 'a' }], 'bad option: "kye" is not key,signal'],
  ['publish', ['news', 1, { signal: {} }], 'bad signal: object is not an AbortSignal'],
  ['history', ['news', { gaps: 'yield' }], 'bad option: "gaps" is not after,last'],
  ['publish', ['news', undefined], 'bad data: no JSON'],
  ['history', [':'], 'bad channel: ":" is not a name: up to 200 of A-Za-z0-9_.:@=+~-'],
] as const)('an argument of %s: %j', (method, args, message) => {
  world = new World();
  const { client } = world;
  const call = client[method] as (...args: readonly unknown[]) => unknown;
  expect(() => call(...args)).toThrow(new TypeError(message));
  expect(client.state).toEqual({ type: 'idle' });
});

it('data that leads back to itself', () => {
  world = new World();
  const round: unknown[] = [];
  round.push(round);
  expect(() => world?.client.publish('news', round)).toThrow(/^bad data: TypeError: Converting circular/);
  expect(() => world?.client.publish('news', 1n)).toThrow(/^bad data: TypeError: Do not know/);
  const nested = (levels: number): unknown => (levels ? [nested(levels - 1)] : 1);
  for (const levels of [16, 17, 500])
    expect(() => world?.client.publish('news', nested(levels))).toThrow('bad data: more than 15 levels deep');
  world?.client.publish('news', nested(15)).catch(() => {});
});

it.each([undefined, null, 'http://discovery.test'])('no options at all: %s', (options) => {
  for (const create of [createClient, createWebSocketClient])
    expect(() => create(options as never)).toThrow(new RegExp(`^bad options: "?${options}"? is not an object$`));
  expect(() => createSharedClient(options as never)).toThrow(TypeError);
  expect(() => createReadingClient(options as never)).toThrow(TypeError);
});

it('a listener that is none, and an event that there is not, of whatever tells something', () => {
  world = new World();
  const reading = createReadingClient({ url, fetch: () => new Promise(() => {}) });
  const clients = [
    world.client,
    reading,
    createSharedClient({ url, worker: null }),
  ] as unknown as (typeof world.client)[];
  for (const client of clients) {
    for (const one of [client, client.subscribe('news') as unknown as typeof client]) {
      for (const wrong of ['not a function', undefined, null, {}])
        expect(() => one.on('state', wrong as never)).toThrow(/^bad on\(state\): .*state.*, function$/);
      for (const type of ['mesage', 'stat', '', undefined])
        expect(() => one.on(type as never, () => {})).toThrow(/^bad on\(\w*\): .*state.*, function$/);
    }
    client.close();
  }
});

it('a client of WebSockets alone where there are none', () => {
  const { WebSocket } = globalThis;
  Reflect.deleteProperty(globalThis, 'WebSocket');
  try {
    expect(() => createWebSocketClient({ url })).toThrow('bad WebSocket: undefined is not a function');
  } finally {
    if (WebSocket) Object.assign(globalThis, { WebSocket });
  }
});

it('a worker that tabs are to share, and what the reading client is not given', () => {
  expect(() => createSharedClient({ url, worker: 5 } as never)).toThrow('bad worker: 5 is not a URL, or null');
  expect(() => createSharedClient({ url, worker: {} } as never)).toThrow('is not a URL, or null');
  createSharedClient({ url, worker: { href: '/worker.js' } }).close();
  const client = createReadingClient({ url, fetch: () => new Promise(() => {}) });
  expect(() => client.subscribe('a b')).toThrow(new TypeError('bad channel: a b'));
  expect(() => client.subscribe('news', { after: 'x' })).toThrow(new TypeError('bad after: x'));
  expect(() => client.subscribe('news', { last: 2_000 })).toThrow(new TypeError('bad last: 2000'));
  expect(() => createReadingClient({ url, tokn: 'jwt' } as never)).toThrow(new TypeError('bad option: tokn'));
  expect(() => client.subscribe('news', (() => {}) as never)).toThrow(new TypeError('bad options: function'));
  expect(() => client.subscribe('news', { afer: '-1' } as never)).toThrow(new TypeError('bad option: afer'));
  expect(() => client.subscribe('news', {}, 'no function' as never)).toThrow(/^bad on\(message\)/);
  client.subscribe('news');
  client.close();
});
