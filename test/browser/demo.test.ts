// The demo page in a real browser, served by the built program: clicked through as a visitor would.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, skipReason } from '../support/chromium.js';
import { DemoPage, type Look } from './demo-page.js';
import { type StartedServer, startServer } from './started-server.js';

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'];
const title = skipReason === undefined ? 'the demo page' : `the demo page (skipped: ${skipReason})`;

describe.skipIf(skipReason !== undefined)(title, () => {
  let browser: Browser;
  let server: StartedServer;
  let open: DemoPage[] = [];

  const visit = async (look?: Look) => {
    const page = await DemoPage.open(browser, server.url, look);
    open.push(page);
    return page;
  };

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(async () => {
    const problems = open.flatMap((page) => page.problems);
    await Promise.all(open.map((page) => page.close()));
    open = [];
    expect(await server.stop()).toBe(0);
    expect(problems).toEqual([]);
  });

  it('connects by itself, and shows what is published with its latency and its offset', async () => {
    const page = await visit();
    await page.part('empty').waitFor();
    const before = await page.part('position').textContent();

    await page.publish('Good morning');
    await page.sees('Good morning');

    const [message] = await page.messages();
    expect(message).toMatchObject({
      arrival: 'live',
      transport: 'websocket',
      offset: expect.stringMatching(/^\d{13}-/),
    });
    expect(await page.part('latency-last').textContent()).toMatch(/^(< )?[\d.]+ m?s$/);
    expect(await page.part('state-code').textContent()).toMatch(
      /type: 'connected', transport: 'websocket', node: '.+'/,
    );
    expect(await page.part('position').textContent()).toBe(message?.offset);
    expect(before).not.toBe(message?.offset);
    expect(await page.part('empty').isHidden()).toBe(true);
  });

  it('delivers over each transport, and loses nothing when it changes', async () => {
    const page = await visit();
    const other = await visit();
    const said: string[] = [];
    for (const transport of TRANSPORTS) {
      await page.choose(transport);
      const texts = [`from here over ${transport}`, `to ${transport} from elsewhere`] as const;
      await page.publish(texts[0]);
      await other.sees(texts[0]);
      await other.publish(texts[1]);
      await Promise.all(texts.map((text) => page.sees(text)));
      said.push(...texts);
    }
    await page.part('transport-auto').check();
    await page.connected('websocket');

    expect(await page.texts()).toEqual(said);
    const over = (await page.messages()).map(({ transport }) => transport);
    expect(over).toEqual(TRANSPORTS.flatMap((transport) => [transport, transport]));
    for (const transport of TRANSPORTS) {
      expect(await page.part(`median-${transport}`).textContent()).toMatch(/s$/);
    }
  });

  it('delivers a burst of twenty in order', async () => {
    const page = await visit();
    await page.part('burst').click();
    await page.part('message').nth(19).waitFor();
    expect(new Set(await page.texts()).size).toBe(20);
    const offsets = (await page.messages()).map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.toSorted());
  });

  it('recovers what was published while the connection was cut, over each transport', async () => {
    const page = await visit();
    const other = await visit();
    for (const transport of TRANSPORTS) {
      await page.choose(transport);
      const heard = await page.texts();
      await page.part('cut').click();
      await page.page.locator('html[data-state="waiting"]').waitFor();
      const missed = [`first missed by ${transport}`, `second missed by ${transport}`, `third missed by ${transport}`];
      for (const text of missed) {
        await other.publish(text);
        await other.sees(text);
      }
      await page.publish(`from here, not over ${transport}`);
      await other.sees(`from here, not over ${transport}`);
      expect(await page.texts()).toEqual(heard);

      await page.part('cut').click();
      await page.page.locator('[data-testid="outage"][data-phase="over"]').waitFor();
      await page.connected(transport);
      const recovered = (await page.messages()).filter(({ arrival }) => arrival === 'recovered');
      expect(recovered.map(({ text }) => text).filter((text) => missed.includes(text))).toEqual(missed);
      expect(await page.part('outage').textContent()).toMatch(/All \d+ missed messages were recovered, in order, each/);
    }
    await other.publish('and now live');
    await Promise.all([page.sees('and now live'), other.sees('and now live')]);

    expect(await page.texts()).toEqual(await other.texts());
    const offsets = (await page.messages()).map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].toSorted());
  });

  it('tells a gap to who comes back too late, and goes on after it', async () => {
    const page = await visit();
    await page.publish('still in history');
    await page.sees('still in history');
    await page.part('too-late').click();
    await page.part('gap').waitFor();
    await page.sees('still in history');
    await page.publish('and on it goes');
    await page.sees('and on it goes');
    expect(await page.texts()).toEqual(['still in history', 'and on it goes']);
  });

  it('joins and leaves other channels', async () => {
    const page = await visit();
    const garden = page.page.locator('[data-channel="demo:garden"][data-testid="channel"]');
    await page.part('join-name').fill('not a name');
    await page.part('join-name').press('Enter');
    await page.part('join-problem').getByText('Letters, digits').waitFor();
    await page.part('join-name').fill('garden');
    await page.part('join-name').press('Enter');
    await garden.getByText('subscribed').waitFor();
    await garden.getByRole('radio').check();
    await page.publish('among flowers');
    await page.page.locator('[data-testid="message"][data-channel="demo:garden"]').waitFor();
    await garden.getByRole('button', { name: 'Leave demo:garden' }).click();
    await garden.waitFor({ state: 'detached' });
    expect(await page.part('target').textContent()).toBe('demo:lobby');
  });

  it('shows a curl command that works as it stands', async () => {
    const page = await visit();
    const command = await page.part('command-curl').textContent();
    await promisify(execFile)('sh', ['-c', command ?? '']);
    await page.sees('Hello from curl');
  });

  it('shows markup in a message as text', async () => {
    const page = await visit();
    const markup = '<img src=x onerror=alert(1)><b>bold</b>';
    await page.publish(markup);
    await page.sees(markup);
    expect(await page.part('messages').locator('img, b').count()).toBe(0);
  });

  it('shows history to whoever comes later', async () => {
    const first = await visit();
    await first.publish('said before');
    await first.sees('said before');
    const second = await visit({ colorScheme: 'dark' });
    await second.sees('said before');
    expect((await second.messages()).map(({ arrival }) => arrival)).toEqual(['history']);
  });

  it.each(['light', 'dark'] as const)('fits desktops and phones in the %s theme', async (colorScheme) => {
    const page = await visit({ colorScheme, viewport: { width: 1280, height: 900 } });
    await page.publish('a-word-that-is-very-long-and-has-no-place-to-break'.repeat(4));
    await page.part('message').waitFor();
    for (const width of [1280, 900, 390, 360]) {
      await page.page.setViewportSize({ width, height: 844 });
      expect(await page.scrollsSideways()).toBe(false);
    }
    const paper = await page.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(paper).toBe(colorScheme === 'light' ? 'rgb(242, 245, 243)' : 'rgb(12, 19, 18)');
  });

  it('keeps the theme that was chosen', async () => {
    const page = await visit({ colorScheme: 'light' });
    await page.page.getByRole('button', { name: 'Change to the dark theme' }).click();
    await page.page.reload();
    await page.connected();
    await page.page.getByRole('button', { name: 'Change to the light theme' }).waitFor();
  });
});
