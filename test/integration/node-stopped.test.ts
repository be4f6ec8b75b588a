// A node that stands still for 3 s, as on a machine that is out of breath: its clients wait, and lose nothing and no link.

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client, Transport } from '../../client-sdk/types.js';
import { signToken } from '../../src/auth/token-signer.js';
import { type ServerProcess, startFanfare } from '../support/process.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const STOPPED_MS = 3_000;
/** So long after the last sign of life that the stop has the next one come later than clients wait without asking. */
const AFTER_MS = 5_500;

let server: ServerProcess;
let token: string;
const clients: Client[] = [];

beforeAll(async () => {
  const env = { FANFARE_AUTH_SECRET: SECRET };
  server = await startFanfare(['start', '--port', '0'], { env });
  const grants = { subscribe: ['news'], publish: ['news'] };
  token = await signToken({ secret: SECRET, subject: 'u1', grants, lifetimeMs: 600_000 });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  server.kill('SIGCONT');
  await server.stop();
});

describe('a node that is stopped for 3 s', () => {
  it('loses nobody on any transport', async () => {
    const transports: readonly Transport[] = ['websocket', 'sse', 'long-poll'];
    const states: string[] = [];
    const heard = new Map<Transport, unknown[]>();
    const subscribed = transports.map((transport) => {
      // A poll is in doubt 1 s after its wait: this one becomes so while the node stands still, and is given up 1.75 s after that.
      const pollWaitMs = AFTER_MS + 1_000;
      const client = createClient({ url: server.url, token, transports: [transport], pollWaitMs });
      clients.push(client);
      client.on('state', ({ type }) => states.push(`${transport} ${type}`));
      const data: unknown[] = [];
      heard.set(transport, data);
      const subscription = client.subscribe('news', {}, (message) => data.push(message.data));
      return new Promise<void>((resolve) => {
        subscription.on('state', ({ type }) => type === 'subscribed' && resolve());
      });
    });
    await Promise.all(subscribed);
    await pause(AFTER_MS);
    server.kill('SIGSTOP');
    await pause(STOPPED_MS);
    server.kill('SIGCONT');
    await clients[0]?.publish('news', 'after');
    await expect.poll(() => [...heard.values()]).toEqual([['after'], ['after'], ['after']]);
    expect(states.filter((state) => /waiting|closed/.test(state))).toEqual([]);
    expect(states.filter((state) => state.endsWith('connected'))).toHaveLength(transports.length);
  });
});
