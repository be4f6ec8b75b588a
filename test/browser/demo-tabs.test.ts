// The demo page of tabs that share one connection, in a real browser.

import type { BrowserContext, Page } from 'playwright';
import { expect, it } from 'vitest';
import { FONTS, layoutFaults, setText } from './layout.js';
import { describeVisits } from './visits.js';

const text = (page: Page, name: string) => page.getByTestId(name).textContent();

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('html[data-state="connected"]').waitFor();
  return page;
}

describeVisits('the demo page of tabs', (visits) => {
  it.each(['', '?leader'])(
    'shows that tabs have one connection, and that another takes over (tabs.html%s)',
    async (query) => {
      const context = await visits.browser.newContext();
      try {
        const url = `${visits.url}/tabs.html${query}`;
        const first = await open(context, url);
        const tabs = [first, await open(context, url), await open(context, url)];
        for (const tab of tabs) await expect.poll(() => text(tab, 'tabs')).toBe('3');
        const ids = await Promise.all(tabs.map((tab) => text(tab, 'connection')));
        expect(new Set(ids).size).toBe(1);
        const holding = (await Promise.all(tabs.map((tab) => text(tab, 'holder')))).filter((told) =>
          told?.startsWith('This tab holds'),
        );
        expect(holding).toHaveLength(query === '' ? 0 : 1);

        await first.getByTestId('say').click();
        for (const tab of tabs) await expect.poll(() => text(tab, 'count')).toBe('1');
        await first.close();
        const [, second, third] = tabs as [Page, Page, Page];
        await expect.poll(() => text(second, 'tabs')).toBe('2');
        await third.getByTestId('say').click();
        for (const tab of [second, third]) await expect.poll(() => text(tab, 'count')).toBe('2');
      } finally {
        await context.close();
      }
    },
  );

  it.each(['light', 'dark'] as const)('fits 320 to 1280 pixels in the %s theme', async (colorScheme) => {
    const context = await visits.browser.newContext({ colorScheme });
    try {
      const page = await open(context, `${visits.url}/tabs.html?leader`);
      await page.getByTestId('say').click();
      await page.getByTestId('heard').waitFor();
      for (const [font, declarations] of Object.entries(FONTS)) {
        await setText(page, declarations, 200);
        for (const width of [320, 390, 1280]) {
          await page.setViewportSize({ width, height: 844 });
          expect(await layoutFaults(page), `${font}, ${width} pixels`).toEqual([]);
        }
      }
    } finally {
      await context.close();
    }
  });
});
