// The demo pages of a server that signs no tokens for them, and the commands that they show.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { startRedis } from '../support/redis.js';
import { DemoPage } from './demo-page.js';
import { startServer } from './started-server.js';
import { describeVisits, type Visits } from './visits.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FANFARE_AUTH_SECRET = 'a-secret-of-the-application-that-is-long-enough';
const text = (page: Page, name: string) => page.getByTestId(name).textContent();

async function open(visits: Visits, path: string, state: string): Promise<Page> {
  const page = await visits.browser.newPage();
  await page.goto(visits.url + path);
  await page.locator(`html[data-state="${state}"]`).waitFor();
  return page;
}

/** A command as somebody pastes it, on a machine that has the package and the server's secret. */
const paste = async (command: string | null) =>
  (
    await run('sh', ['-c', command ?? ''], {
      cwd: ROOT,
      env: { ...process.env, FANFARE_AUTH_SECRET },
    })
  ).stdout.trim();

describeVisits(
  'the demo page of a server with a key of its own',
  (visits) => {
    it.each(['/', '/tabs.html', '/tabs.html?leader'])(
      'says how to come by a token, and is let in with it: %s',
      async (path) => {
        const page = await open(visits, path, 'closed');
        expect(await text(page, 'token-help')).toContain('needs a token that grants demo:*');
        expect(await text(page, 'token-help')).toContain(`${visits.url}${path}#token=`);
        const token = await paste(await text(page, 'token-command'));
        await page.goto(`${visits.url}${path}#token=${token}`);
        await page.locator('html[data-state="connected"]').waitFor();
        expect(await page.getByTestId('token-help').isHidden()).toBe(true);
        await page.close();
      },
    );

    it('says so of a token that grants other channels', async () => {
      const token = await paste('npx fanfare token --sub me --subscribe news');
      const page = await open(visits, `/#token=${token}`, 'connected');
      await page.getByTestId('token-help').waitFor();
      expect(await text(page, 'token-help')).toContain('Another token is needed that grants demo:*');
      expect(await text(page, 'channel-state')).toBe('forbidden_channel');
      await page.close();
    });

    it('shows a curl command that works as it stands, and asks nobody for a token that gives none', async () => {
      const page = await open(visits, '/', 'closed');
      const command = await text(page, 'command-curl');
      expect(command).not.toContain('/demo/token');
      expect(await paste(command)).toContain('"offset"');
      expect(await text(page, 'command-browser')).toContain("token: '…'");
      await page.close();
    });
  },
  { FANFARE_AUTH_SECRET },
);

describeVisits(
  'the demo page of a server that lets anybody read',
  (visits) => {
    it('reads without a token', async () => {
      const page = await open(visits, '/', 'connected');
      await page.locator('[data-testid="channel"][data-state="subscribed"]').waitFor();
      expect(await page.getByTestId('token-help').isHidden()).toBe(true);
      expect(await page.getByTestId('log-out').isHidden()).toBe(true);
      await page.close();
    });
  },
  { FANFARE_AUTH_SECRET, FANFARE_NAMESPACES: JSON.stringify({ demo: { public: true, anonymous: true } }) },
);

describeVisits('the demo page’s commands for Redis', (visits) => {
  it.each(['redis-logged', 'redis-live'])('work as they stand: %s', async (name) => {
    const redis = await startRedis();
    const server = await startServer({
      FANFARE_REDIS_URL: redis.url,
      FANFARE_CLUSTER_SECRET: 'a-secret-of-the-cluster-that-is-long-enough',
    });
    try {
      const page = await DemoPage.open(visits.browser, server.url);
      const command = (await text(page.page, `command-${name}`)) ?? '';
      await paste(command.replace('redis-cli', `redis-cli -h ${redis.host} -p ${redis.port}`));
      await page.sees(name === 'redis-live' ? 'Live only' : 'Hello from redis-cli');
      await page.close();
    } finally {
      await server.stop();
      await redis.stop();
    }
  });
});
