// The HTTP clients that other languages come with: each publishes, streams and polls.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENTS, canRun, curl, makeClients } from '../support/language-clients.js';
import { makeToken } from './stranger-client.js';
import { type RunningServer, startServer } from './stranger-server.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const PUBLISH_KEY = 'backend-key-of-language-clients';
/** Longer than any client waits: what a reader takes late would be completed by a heartbeat. */
const HEARTBEAT = '60s';
const OLD = curl('with HTTP/1.0', '--http1.0');

const servers = new Map<string, RunningServer>();
let made: Awaited<ReturnType<typeof makeClients>>;
let channels = 0;

beforeAll(async () => {
  const starts = ['uws', 'ws'].map(async (engine) => {
    const env = {
      FANFARE_ENGINE: engine,
      FANFARE_HEARTBEAT: HEARTBEAT,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
    };
    servers.set(engine, await startServer('start', env));
  });
  [made] = await Promise.all([makeClients(CLIENTS), ...starts]);
});
afterAll(async () => {
  made.remove();
  await Promise.all([...servers.values()].map((server) => server.stop()));
});

async function runAgainst(engine: string, client: (typeof CLIENTS)[number]): Promise<string> {
  const url = servers.get(engine)?.url ?? '';
  const token = makeToken(SECRET, { sub: 'u1', fanfare: { subscribe: ['language-*'] } });
  const response = await fetch(`${url}/v1/connect`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  const { ticket } = (await response.json()) as { ticket: string };
  return made.run(client, { url, ticket, publishKey: PUBLISH_KEY, channel: `language-${++channels}` });
}

describe.concurrent.each(['uws', 'ws'])('with the %s engine', (engine) => {
  describe.concurrent.each(CLIENTS)('$title', (client) => {
    it.skipIf(!canRun(client))(
      'publishes, gets each event of a stream before there is another, and polls',
      async ({ expect }) => expect(await runAgainst(engine, client)).toBe(''),
    );
  });
});

// uWebSockets.js answers it before anybody is asked: a proxy in front has to speak HTTP/1.1, as those of deploy/ do.
describe.skipIf(!canRun(OLD))('curl with HTTP/1.0', () => {
  it('publishes, streams and polls with the ws engine', async () => {
    expect(await runAgainst('ws', OLD)).toBe('');
  });

  it('is told 505 with the uws engine', async () => {
    expect(await runAgainst('uws', OLD)).toContain('505');
  });
});
