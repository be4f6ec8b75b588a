// The SDK in a real browser on networks with bad manners: at the first visit, after a reload, and in a new tab.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { launchChromium, skipReason } from '../support/chromium.js';
import type { Manners } from '../support/hostile-proxy.js';
import { HostileWorld } from '../support/hostile-world.js';

/** What the page knows, in the `window`. */
interface Known {
  readonly data: readonly number[];
  readonly gaps: number;
  readonly transport?: string;
  /** When the first message came, in milliseconds since navigation. */
  readonly firstMs: number;
}
interface Told {
  readonly known?: Known;
}

const PAGE = `<!DOCTYPE html><title>page</title><script type="module">
import { createClient } from '/sdk.js';
const known = (window.known = { data: [], gaps: 0, transport: undefined, firstMs: 0 });
const client = createClient({ url: location.origin });
client.on('state', (state) => { known.transport = state.transport; });
const news = client.subscribe('news', { after: '-1' }, ({ data }) => {
  known.firstMs ||= Math.round(performance.now());
  known.data.push(data);
});
news.on('gap', () => { known.gaps++; });
</script>`;

const CASES: readonly (readonly [string, Manners, string])[] = [
  ['answers upgrades with a page', { upgrades: 'refuse' }, 'sse'],
  ['swallows frames', { upgrades: 'swallow' }, 'sse'],
  ['opens the WebSocket itself and is silent', { upgrades: 'silence' }, 'sse'],
  ['resets upgrades and holds streams back', { upgrades: 'reset', buffersStreams: true }, 'long-poll'],
  ['swallows frames and holds streams back', { upgrades: 'swallow', buffersStreams: true }, 'long-poll'],
  ['lets everything pass', {}, 'websocket'],
];

const title = 'a browser behind a proxy that';
const told = skipReason === undefined ? title : `${title} (skipped: ${skipReason})`;

describe.skipIf(skipReason !== undefined)(told, () => {
  let browser: Browser;
  let sdk: string;

  beforeAll(async () => {
    browser = await launchChromium();
    sdk = await readFile(fileURLToPath(new URL('../../dist/sdk.js', import.meta.url)), 'utf8');
  });
  afterAll(() => browser?.close());

  /** What the page knows once it has heard some of what is said. */
  async function heard(page: Page, count = 30): Promise<Known> {
    await page.waitForFunction((least) => Number((globalThis as Told).known?.data.length) >= least, count);
    return page.evaluate(() => (globalThis as Told).known as Known);
  }

  // Side by side: what they do most of the time is to wait for what a proxy keeps back.
  it.concurrent.for(CASES)(
    '%s: has what works, and begins with it after a reload and in a new tab',
    async ([what, manners, transport], { expect, onTestFinished }) => {
      const world = await HostileWorld.start({ manners, page: PAGE, sdk });
      onTestFinished(() => world.close());
      world.talk('news');
      const context = await browser.newContext();
      onTestFinished(() => context.close());
      const page = await context.newPage();
      await page.goto(world.url);
      const first = await heard(page);
      const { upgrades } = world.proxy;
      await page.reload();
      const reloaded = await heard(page);
      const tab = await context.newPage();
      await tab.goto(world.url);
      const opened = await heard(tab);
      expect([first, reloaded, opened].map((one) => one.transport)).toEqual([transport, transport, transport]);
      if (transport !== 'websocket') expect(world.proxy.upgrades).toBe(upgrades);
      await world.hush();
      for (const open of [page, tab]) {
        const { data, gaps } = await heard(open, world.said);
        expect(data).toEqual(Array.from({ length: world.said }, (_, n) => n + 1));
        expect(gaps).toBe(0);
      }
      const [visit, reload, newTab] = [first, reloaded, opened].map(({ firstMs }) => firstMs);
      console.info(`${what}: first message after ${visit} ms, after a reload ${reload} ms, in a new tab ${newTab} ms`);
    },
  );
});
