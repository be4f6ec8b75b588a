// The HTTP clients that other languages come with: each publishes, streams and polls.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd } from '../support/run-to-end.js';
import { makeToken } from './stranger-client.js';
import { type RunningServer, startServer } from './stranger-server.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const PUBLISH_KEY = 'backend-key-of-language-clients';
/** Longer than any client waits: what a reader takes late would be completed by a heartbeat. */
const HEARTBEAT = '60s';

interface LanguageClient {
  readonly title: string;
  /** The program and what stands before the arguments that all get. */
  readonly command: readonly [string, ...string[]];
  /** What exits with 0 where the program can run; scripts/pretest.mjs installs it. */
  readonly needs: readonly [string, ...string[]];
}

const file = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));
/** Debian's: another one on the path may lack the package. */
const PYTHON = '/usr/bin/python3';

const CLIENTS: readonly LanguageClient[] = ['requests', 'urllib3'].map((library) => ({
  title: `Python's ${library}`,
  command: [PYTHON, file('python-client.py'), library],
  needs: [PYTHON, '-c', `import ${library}`],
}));

const isThere = ([command, ...args]: readonly [string, ...string[]]) => spawnSync(command, args).status === 0;

describe.each(['uws', 'ws'])('with the %s engine', (engine) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer('start', {
      FANFARE_ENGINE: engine,
      FANFARE_HEARTBEAT: HEARTBEAT,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
    });
  });
  afterAll(() => server.stop());

  describe.each(CLIENTS)('$title', ({ title, command, needs }) => {
    it.skipIf(!isThere(needs))(
      'publishes, gets each event of a stream before there is another, and polls',
      async () => {
        const channel = `language-${title.replace(/\W/g, '')}`;
        const token = makeToken(SECRET, { sub: 'u1', fanfare: { subscribe: ['language-*'] } });
        const response = await fetch(`${server.url}/v1/connect`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${token}` },
        });
        const { ticket } = (await response.json()) as { ticket: string };
        const [program, ...args] = command;
        expect(await runToEnd(program, [...args, server.url, ticket, PUBLISH_KEY, channel])).toBe('');
      },
    );
  });
});
