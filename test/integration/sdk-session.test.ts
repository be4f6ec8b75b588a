// The SDK's session on a real server: what a client publishes is stored once, and known again as its own; where it may begin to read.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../client-sdk/node.js';
import type { Client, Clock, Message, Transport, WebSocketConstructor } from '../../client-sdk/types.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { type FakeTab, Origin } from '../unit/client-sdk/fakes/tabs.js';

const NAMESPACES = '{"open":{"public":true,"anonymous":true,"clientPublish":true}}';

let server: ServerProcess;
const clients: Client[] = [];

beforeAll(async () => {
  const env = { FANFARE_NAMESPACES: NAMESPACES, FANFARE_AUTH_SECRET: 'a-secret-of-at-least-thirty-two-bytes' };
  server = await startFanfare(['start', '--port', '0'], { env });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server?.stop());

function open(options: Partial<Parameters<typeof createClient>[0]> = {}): Client {
  const client = createClient({ url: server.url, ...options });
  clients.push(client);
  return client;
}

/** A WebSocket that dies when the first answer to a publish comes, unseen; how often that was. */
function dyingSocket() {
  const state = { deaths: 0 };
  class Dying extends WebSocket {
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (event === 'message' && state.deaths === 0 && String(args[0]).includes('"published"')) {
        state.deaths++;
        this.terminate();
        return true;
      }
      return super.emit(event, ...args);
    }
  }
  return { state, WebSocket: Dying as unknown as WebSocketConstructor };
}

/** All that the channel holds so far. */
async function held(channel: string): Promise<Message[]> {
  const messages: Message[] = [];
  const end = await open().publish(channel, 'the end');
  await new Promise<void>((resolve) => {
    open().subscribe(channel, { after: '-1' }, (message) => {
      messages.push(message);
      if (message.offset === end.offset) resolve();
    });
  });
  return messages;
}

describe('a client without a name', () => {
  it('stores an anonymous publish once, though its answer was lost and it came again over another link', async () => {
    const { state, WebSocket } = dyingSocket();
    const client = open({ WebSocket, transports: ['websocket'] });
    const { offset } = await client.publish('open:once', 'hello');
    expect(state.deaths).toBe(1);
    const messages = await held('open:once');
    expect(messages.map(({ data }) => data)).toEqual(['hello', 'the end']);
    expect(messages[0]?.offset).toBe(offset);
  });

  it('stores an anonymous publish of a tab once, though the tab with the connection died with its answer', async () => {
    const origin = new Origin();
    const { setTimeout, clearTimeout } = globalThis;
    const clock = { now: Date.now, monotonic: () => performance.now(), setTimeout, clearTimeout } as unknown as Clock;
    let deaths = 0;
    const openTab = () => {
      let tab: FakeTab | undefined;
      class Mortal extends WebSocket {
        override emit(event: string | symbol, ...args: unknown[]): boolean {
          if (event === 'message' && deaths === 0 && String(args[0]).includes('"published"')) {
            deaths++;
            tab?.crash();
            this.terminate();
            return true;
          }
          return tab?.isDead || super.emit(event, ...args);
        }
      }
      const { fetch } = globalThis;
      tab = origin.open({ url: server.url, token: undefined, fetch, WebSocket: Mortal as never, clock } as object);
      clients.push(tab.client);
      return tab;
    };
    const first = openTab();
    await first.client.ready();
    const second = openTab();
    await second.client.ready();
    const { offset } = await second.client.publish('open:tabs', 'hello');
    expect([deaths, first.isDead]).toEqual([1, true]);
    const messages = await held('open:tabs');
    expect(messages.map(({ data }) => data)).toEqual(['hello', 'the end']);
    expect(messages[0]?.offset).toBe(offset);
  });

  it('is one sender over all of its links, and another than the next client', async () => {
    const { WebSocket } = dyingSocket();
    const client = open({ WebSocket, transports: ['websocket'] });
    await client.publish('open:who', 1);
    await client.publish('open:who', 2);
    await open({ transports: ['long-poll'] }).publish('open:who', 3);
    const senders = (await held('open:who')).map(({ from }) => from?.connection.split('.')[0]);
    expect(senders[0]).toMatch(/^c-[\w-]{16}$/);
    expect(senders[1]).toBe(senders[0]);
    expect(new Set(senders).size).toBe(3);
  });
});

describe.each<Transport>(['websocket', 'sse', 'long-poll', 'short-poll'])('a client over %s', (transport) => {
  const alone = () => open({ transports: [transport], pollIntervalMs: 20 });

  /** Resolves with so many messages. */
  const heard = (client: Client, channel: string, beginning: object, count: number) =>
    new Promise<Message[]>((resolve) => {
      const messages: Message[] = [];
      client.subscribe(channel, beginning, (message) => {
        if (messages.push(message) === count) resolve(messages);
      });
    });

  it('knows its own messages, and when each was stored', async () => {
    const channel = `open:own-${transport}`;
    const client = alone();
    const { id, node } = await client.ready();
    expect(client.connection).toEqual({ id, user: null, node, transport });
    const sinceMs = Date.now();
    await client.publish(channel, 'mine');
    await open().publish(channel, 'theirs');
    const [mine, theirs] = await heard(client, channel, { after: '-1' }, 2);
    expect(mine).toMatchObject({ data: 'mine', isOwn: true });
    expect(mine?.from?.connection.split('.')[0]).toBe(id);
    expect(theirs).toMatchObject({ data: 'theirs', isOwn: false });
    expect(mine?.time).toBeGreaterThanOrEqual(sinceMs - 5);
    expect(theirs?.time).toBeLessThanOrEqual(Date.now() + 5);
  });

  it('begins at the last messages, and goes on', async () => {
    const channel = `open:last-${transport}`;
    const publisher = open();
    for (let n = 1; n <= 5; n++) await publisher.publish(channel, n);
    const client = alone();
    const messages = heard(client, channel, { last: 2 }, 3);
    const few = heard(client, channel, { last: 1_000 }, 6);
    await client.ready();
    await heard(client, channel, { last: 1 }, 1);
    await publisher.publish(channel, 6);
    expect((await messages).map(({ data }) => data)).toEqual([4, 5, 6]);
    expect((await few).map(({ data }) => data)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads history page by page without a subscription', async () => {
    const channel = `open:history-${transport}`;
    const publisher = open();
    for (let n = 1; n <= 5; n++) await publisher.publish(channel, n);
    const client = alone();
    const last = await client.history(channel, { last: 3 });
    expect(last).toMatchObject({ gap: undefined, more: false });
    expect(last.messages.map(({ data }) => data)).toEqual([3, 4, 5]);
    expect(last.messages[2]?.offset).toBe(last.offset);
    expect((await client.history(channel, { after: last.offset })).messages).toEqual([]);
    expect((await client.history(channel)).messages.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5]);
    await expect(client.history('closed:1')).rejects.toMatchObject({ name: 'FanfareError', code: 'forbidden_channel' });
  });
});
