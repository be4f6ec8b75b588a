// Tabs that share a connection in a real browser, at a real node: how many connections it has, and what each tab is told while leaders die.

import type { Browser, BrowserContext } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, skipReason } from '../support/chromium.js';
import { type StartedServer, startServer } from './started-server.js';
import { Tab } from './tab.js';

const CHANNEL = 'demo:tabs';
const KEY = 'the-publish-key-of-the-tabs-32-bytes';
/** Enough for a tab that heard nothing for seconds. */
const NAMESPACES = JSON.stringify({ default: {}, demo: { public: true, anonymous: true, historySize: 1_000 } });
const EVERY_MS = 20;
const title = `tabs of a browser that share a connection${skipReason === undefined ? '' : ` (skipped: ${skipReason})`}`;

describe.skipIf(skipReason !== undefined)(title, () => {
  let browser: Browser;
  let server: StartedServer;
  let context: BrowserContext;
  let tabs: Tab[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    server = await startServer({ FANFARE_PUBLISH_KEY: KEY, FANFARE_NAMESPACES: NAMESPACES });
    context = await browser.newContext();
    tabs = [];
  });
  afterEach(async () => {
    await context.close();
    await server.stop();
  });

  const open = async (worker?: string | null, user?: string) => {
    const tab = await Tab.open(await context.newPage(), server.url, CHANNEL, worker, user);
    tabs.push(tab);
    return tab;
  };
  const openMany = async (count: number, worker?: string | null) => {
    for (let n = 0; n < count; n++) await open(worker);
  };

  /** WebSockets, streams and waiting polls at the node. */
  const connections = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return [...text.matchAll(/^fanfare_connections(?:\{[^}]*\})? (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  };

  const publish = async (data: number) => {
    const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ channel: CHANNEL, data });
    expect((await fetch(`${server.url}/v1/publish`, { method: 'POST', headers, body })).status).toBe(200);
  };

  /** Publishes 1, 2, 3 … at a steady pace until it is stopped; answers with the last. */
  const publishSteadily = () => {
    let last = 0;
    let isOver = false;
    const startedAtMs = performance.now();
    const run = async () => {
      while (!isOver) {
        await publish(++last);
        const leftMs = startedAtMs + last * EVERY_MS - performance.now();
        if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      }
    };
    const running = run();
    return {
      get last() {
        return last;
      },
      async stop() {
        isOver = true;
        await running;
        return last;
      },
    };
  };

  /** Resolves when every tab has been told that number. */
  const told = (n: number) =>
    expect
      .poll(async () => Math.min(...(await Promise.all(tabs.map(async (tab) => (await tab.numbers()).at(-1) ?? 0)))))
      .toBeGreaterThanOrEqual(n);

  /** That each tab was told all from its first message to `last`, each once and in order, and no gap. */
  const expectWhole = async (last: number) => {
    await told(last);
    for (const tab of tabs) {
      expect(await tab.gaps()).toEqual([]);
      const numbers = await tab.numbers();
      const first = numbers[0] ?? 0;
      expect(numbers).toEqual(Array.from({ length: last - first + 1 }, (_, n) => n + first));
    }
  };

  const leader = async () => {
    const found: Tab[] = [];
    await expect
      .poll(async () => {
        found.length = 0;
        for (const tab of tabs) if (await tab.leads()) found.push(tab);
        return found.length;
      })
      .toBe(1);
    return found[0] as Tab;
  };

  it('have one connection, ten of them, by a worker', async () => {
    await openMany(10);
    expect(await connections()).toBe(1);
    for (const tab of tabs) expect(await tab.leads()).toBe(false);
    const publishing = publishSteadily();
    await told(10);
    for (const tab of tabs.splice(0, 5)) await tab.page.close();
    await told(publishing.last + 10);
    await expectWhole(await publishing.stop());
    expect(await connections()).toBe(1);
  });

  it('have one connection for each user, by one worker', async () => {
    for (const user of ['ann', 'ben', 'ann', 'ben']) await open(undefined, user);
    const ids = await Promise.all(tabs.map((tab) => tab.connection()));
    expect([ids[2], ids[3], new Set(ids).size]).toEqual([ids[0], ids[1], 2]);
    expect(await connections()).toBe(2);
    for (const tab of tabs.splice(0, 2)) await tab.page.close();
    await publish(1);
    await told(1);
    for (const tab of tabs.splice(0, 1)) await tab.page.close();
    await expect.poll(connections).toBe(1);
    await publish(2);
    await expectWhole(2);
  });

  it('have one connection, ten of them, by a leader, and each has the same', async () => {
    await openMany(10, null);
    expect(await connections()).toBe(1);
    await leader();
    expect(new Set(await Promise.all(tabs.map((tab) => tab.connection()))).size).toBe(1);
    const publishing = publishSteadily();
    await told(10);
    await expectWhole(await publishing.stop());
  });

  it('lose and repeat nothing in ten deaths of the leader under 50 messages a second', async () => {
    await openMany(10, null);
    const publishing = publishSteadily();
    await told(10);
    let longestMs = 0;
    for (let death = 0; death < 10; death++) {
      const dying = await leader();
      longestMs = Math.max(longestMs, await dying.longestMs());
      tabs.splice(tabs.indexOf(dying), 1);
      if (death % 2 === 0) await dying.crash();
      else await dying.page.close();
      await told(publishing.last + 1);
      await open(null);
    }
    await told(publishing.last + 10);
    await expectWhole(await publishing.stop());
    for (const tab of tabs) longestMs = Math.max(longestMs, await tab.longestMs());
    console.info(
      `ten deaths of the leader at ${1000 / EVERY_MS}/s: no tab was silent for longer than ${Math.round(longestMs)} ms`,
    );
    await expect.poll(connections).toBe(1);
  });

  it('lose and repeat nothing when the leader does something else for a while, which does not lead any more after it', async () => {
    await openMany(4, null);
    const publishing = publishSteadily();
    await told(10);
    const busy = await leader();
    const others = tabs.filter((tab) => tab !== busy);
    const blocked = busy.block(6_000);
    await expect.poll(async () => (await Promise.all(others.map((tab) => tab.leads()))).includes(true)).toBe(true);
    await blocked;
    await told(publishing.last + 10);
    await expectWhole(await publishing.stop());
    const longest = await Promise.all(others.map((tab) => tab.longestMs()));
    console.info(
      `a leader that was busy for 6 s: no other tab was silent for longer than ${Math.round(Math.max(...longest))} ms`,
    );
    // A socket that closes under messages that nobody has read is open at the node for as long as the browser waits.
    expect(await busy.leads()).toBe(false);
  });

  it('are led by one of them where the code of the worker is not there', async () => {
    await openMany(3, '/no-such-worker.js');
    await leader();
    const publishing = publishSteadily();
    await told(10);
    await expectWhole(await publishing.stop());
    expect(await connections()).toBe(1);
  });
});
