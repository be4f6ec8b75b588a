// The demo page on screens from a small phone to a desktop, with fonts and text sizes that nobody has designed for.

import { expect, it } from 'vitest';
import type { DemoPage } from './demo-page.js';
import { FONTS, layoutFaults, setText } from './layout.js';
import { describeVisits } from './visits.js';

const WIDTHS = [320, 360, 390, 900, 1280];
const TEXT_SIZES = [100, 200];
/** What a person gets to do without scrolling; phones keep the rest of their height for themselves. */
const FIRST_SCREEN = 700;

/** Everything that can stand on the page at once: long and right-to-left texts, a gap, a problem, three-digit latencies. */
async function fill(page: DemoPage): Promise<void> {
  await page.part('too-late').click();
  await page.part('gap').waitFor();
  await page.publish('a-word-that-is-very-long-and-has-no-place-to-break'.repeat(4));
  await page.publish('שלום עולם');
  await page.part('join-name').fill('a-channel-whose-name-is-as-long-as-it-may');
  await page.part('join-name').press('Enter');
  await page.part('join-name').fill('not a name');
  await page.part('join-name').press('Enter');
  await page.part('join-problem').getByText('Letters').waitFor();
  await page.choose('long-poll');
  await page.publish('over another transport');
  await page.sees('over another transport');
  // Once connected again, what was cut off tells its story.
  await page.part('cut').click();
  await page.page.locator('html[data-state="waiting"]').waitFor();
  await page.part('cut').click();
  await page.page.locator('[data-testid="outage"][data-phase="over"]').waitFor();
  await page.connected('long-poll');
  await page
    .part('message')
    .last()
    .locator('.entry-latency')
    .evaluate((latency) => {
      latency.textContent = '< 0.1 ms';
    });
}

describeVisits('the layout of the demo page', (visits) => {
  it.each(['light', 'dark'] as const)(
    'fits 320 to 1280 pixels in the %s theme, whatever the font’s width, at twice the text size too',
    async (colorScheme) => {
      const page = await visits.visit({ colorScheme, viewport: { width: 1280, height: 844 } });
      await fill(page);
      for (const [font, declarations] of Object.entries(FONTS)) {
        for (const percent of TEXT_SIZES) {
          await setText(page.page, declarations, percent);
          for (const width of WIDTHS) {
            await page.page.setViewportSize({ width, height: 844 });
            expect([width, font, percent, await layoutFaults(page.page)]).toEqual([width, font, percent, []]);
          }
        }
      }
      const paper = await page.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      expect(paper).toBe(colorScheme === 'light' ? 'rgb(242, 245, 243)' : 'rgb(12, 19, 18)');
    },
  );

  it.each([
    [360, 740],
    [390, 844],
  ])('has what one publishes with on the first screen of a phone of %i by %i', async (width, height) => {
    const page = await visits.visit({ viewport: { width, height } });
    await setText(page.page, FONTS['DejaVu Sans'] ?? '', 100);
    for (const control of ['text', 'publish', 'burst']) {
      const box = await page.part(control).boundingBox();
      expect([control, box !== null && box.y > 0 && box.y + box.height < FIRST_SCREEN]).toEqual([control, true]);
    }
  });

  it('grows with the text size that a person has set in the browser', async () => {
    const page = await visits.visit();
    const session = await page.page.context().newCDPSession(page.page);
    const size = () => page.page.evaluate(() => Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
    const before = await size();
    await session.send('Page.setFontSizes', { fontSizes: { standard: before * 2 } });
    expect(await size()).toBe(before * 2);
  });
});
