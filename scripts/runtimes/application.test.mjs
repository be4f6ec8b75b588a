// Runs in Jest: an application's test with the server in memory, and the scenario with a real one.

import { createClient } from 'fanfare-client';
import { createTestServer } from 'fanfare-client/testing';
import { WebSocket } from 'ws';
import { play } from './scenario.mjs';

test('the server in memory', async () => {
  const server = createTestServer();
  const client = createClient({ ...server.options });
  const subscription = client.subscribe('news', { last: 1 });
  server.publish('news', { title: 'hello' });
  for await (const { data } of subscription) {
    expect(data).toEqual({ title: 'hello' });
    break;
  }
  client.close();
});

test('a real server', async () => {
  const took = await play({ createClient, url: process.env.FANFARE_URL, runtime: 'jest', WebSocket });
  console.log(JSON.stringify(took));
});
