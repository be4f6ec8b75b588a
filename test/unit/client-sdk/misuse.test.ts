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

it.each([
  [{ url: 'nowhere' }, 'bad url: "nowhere" is not an http(s):// URL'],
  [{ url: undefined }, 'bad url: undefined is not an http(s):// URL'],
  [{ token: 5 }, 'bad token: "number" is not a text or a function'],
  [{ transports: [] }, 'bad transports: [] is not a list of transports'],
  [{ transports: 'sse' }, 'bad transports: "sse" is not a list of transports'],
  [{ WebSocket: null }, 'bad WebSocket: null is not a function'],
  [{ fetch: 5 }, 'bad fetch: 5 is not a function'],
  [{ random: 0.5 }, 'bad random: 0.5 is not a function'],
  [{ pollIntervalMs: 9 }, 'bad pollIntervalMs: 9 is not an integer from 10 to 3600000'],
  [{ pollWaitMs: 60_001 }, 'bad pollWaitMs: 60001 is not an integer from 1 to 60000'],
  [{ clock: { now: Date.now } }, 'bad clock: [object Object] is not a clock'],
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
  ['subscribe', ['a b'], 'bad channel: "a b" is not the name of a channel'],
  ['subscribe', ['news', { after: 'never' }], 'bad after: "never" is not an offset, "-1" or "now"'],
  ['subscribe', ['news', { last: 1_001 }], 'bad last: 1001 is not an integer from 0 to 1000, without "after"'],
  ['subscribe', ['news', { gaps: 'ignore' }], 'bad gaps: "ignore" is not "throw" or "yield"'],
  ['subscribe', ['news', {}, 5], 'bad listener: 5 is not a function'],
  [
    'subscribe',
    ['news', { maxPerSecond: 0 }],
    'bad maxPerSecond: 0 is not an integer from 1 to 10000, the same in all of a channel',
  ],
  ['publish', ['news', 1, { key: 'a b' }], 'bad key: "a b" is not 1 to 128 of printable ASCII'],
  ['publish', ['news', undefined], 'bad data: "undefined" is not a JSON value'],
  ['history', [':'], 'bad channel: ":" is not the name of a channel'],
] as const)('an argument of %s: %j', (method, args, message) => {
  world = new World();
  const { client } = world;
  const call = client[method] as (...args: readonly unknown[]) => unknown;
  expect(() => call(...args)).toThrow(new TypeError(message));
  expect(client.state).toEqual({ type: 'idle' });
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
  client.close();
});
