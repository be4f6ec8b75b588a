// What the demo page says of latency: counted from the wire, and undisturbed by what waits for itself.

import { expect, it } from 'vitest';
import type { DemoPage } from './demo-page.js';
import { describeVisits, type Visits } from './visits.js';

const FIGURES = ['median-websocket', 'median-sse', 'latency-median', 'latency-p95', 'latency-last'];

/** What stands there once everything that has arrived is drawn. */
async function figures(page: DemoPage): Promise<readonly (string | null)[]> {
  await page.page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(undefined)))),
  );
  return Promise.all(FIGURES.map((name) => page.part(name).textContent()));
}

interface Publish {
  readonly key: string;
  readonly sentAtMs: number;
}

/** Every publish that the page writes to a WebSocket, as it is written. */
function publishesOf(page: DemoPage): readonly Publish[] {
  const publishes: Publish[] = [];
  page.page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const { type, key, data } = JSON.parse(String(payload));
      if (type === 'publish') publishes.push({ key, sentAtMs: data.sentAtMs });
    }),
  );
  return publishes;
}

/** A node that allows so few that some are refused on a machine that is busy, too: one publish of a channel waits for the other. */
const FEW = { FANFARE_COMMANDS_PER_SECOND: '5', FANFARE_COMMAND_BURST: '20' };
const MANY = { bursts: 2, messages: 40 };

async function manyBursts(page: DemoPage): Promise<void> {
  await page.part('burst').evaluate((button, count) => {
    for (let bursts = 0; bursts < count; bursts++) (button as HTMLElement).click();
  }, MANY.bursts);
}

const clockOf = (page: DemoPage) => page.page.evaluate(() => performance.timeOrigin + performance.now());

describeVisits('latency on the demo page', (visits: Visits) => {
  it.each(['websocket', 'sse'])('does not change by a burst over %s', async (transport) => {
    const page = await visits.visit();
    const other = await visits.visit();
    await page.choose(transport);
    for (const text of ['one', 'two', 'three']) {
      await other.publish(text);
      await page.sees(text);
    }
    const before = await figures(page);
    expect(before.filter((figure) => /s$/.test(figure ?? ''))).toHaveLength(4);

    await page.part('burst').click();
    await other.part('burst').click();
    await page.part('message').nth(42).waitFor();
    expect(await figures(page)).toEqual(before);
    expect(await page.page.locator('.entry-latency').first().textContent()).toMatch(/s$/);
  });

  it('counts a publish that waits for its connection from when it goes', async () => {
    const page = await visits.visit();
    const publishes = publishesOf(page);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.page.route('**/v1/connect', async (route) => {
      await held;
      await route.continue();
    });
    await page.page.reload();
    await page.page.locator('html[data-state="connecting"]').waitFor();
    await page.publish('said before there was a connection');
    const clickedMs = await clockOf(page);
    release();
    await page.sees('said before there was a connection');
    expect(publishes.map(({ sentAtMs }) => sentAtMs > clickedMs)).toEqual([true]);
  });
});

describeVisits(
  'latency on the demo page of a node that allows few publishes',
  (visits: Visits) => {
    it('says that it waits for the rate limit as long as it does', async () => {
      const page = await visits.visit();
      await manyBursts(page);
      await page
        .part('composer-hint')
        .getByText(/Waiting for the rate limit: \d+ messages? still to go/)
        .waitFor();
      await page
        .part('message')
        .nth(MANY.messages - 1)
        .waitFor();
      await page.part('composer-hint').getByText('Press Enter.').waitFor();
      expect(await page.part('composer-problem').isHidden()).toBe(true);
    });

    it('counts a publish that is refused for now from its repetition', async () => {
      const page = await visits.visit();
      const publishes = publishesOf(page);
      await page.page.reload();
      await page.connected();
      await manyBursts(page);
      await page
        .part('message')
        .nth(MANY.messages - 1)
        .waitFor();
      const keys = new Set(publishes.map(({ key }) => key));
      expect(keys.size).toBe(MANY.messages);
      const repeated = [...keys]
        .map((key) => publishes.filter((publish) => publish.key === key).map(({ sentAtMs }) => sentAtMs))
        .filter((stamps) => stamps.length > 1);
      expect(repeated.length).toBeGreaterThan(0);
      for (const stamps of repeated) expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b));
    });
  },
  FEW,
);
