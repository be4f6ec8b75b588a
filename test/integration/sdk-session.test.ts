// The SDK's session on a real server: what a client without a name publishes is stored once, whatever link its answer is lost on.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../client-sdk/node.js';
import type { Client, Message, WebSocketConstructor } from '../../client-sdk/types.js';
import { type ServerProcess, startFanfare } from '../support/process.js';

const NAMESPACES = '{"open":{"public":true,"anonymous":true,"clientPublish":true}}';

let server: ServerProcess;
const clients: Client[] = [];

beforeAll(async () => {
  const env = { FANFARE_NAMESPACES: NAMESPACES, FANFARE_AUTH_SECRET: 'a-secret-of-at-least-thirty-two-bytes' };
  server = await startFanfare(['start', '--port', '0'], { env });
}, 60_000);
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.stop());

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
