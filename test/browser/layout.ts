// What a layout may not do, measured on the page as it is drawn.

import type { Page } from 'playwright';

/** Fonts by their declarations. Debian's own is a wide one; spacing stands for what no machine has. 0.12 em is what WCAG 1.4.12 asks a page to bear. */
export const FONTS: Readonly<Record<string, string>> = {
  'the page’s own': '',
  'DejaVu Sans': 'font-family: "DejaVu Sans"',
  'a wider one than DejaVu Sans': 'font-family: "DejaVu Sans"; letter-spacing: 0.12em',
  'a narrow one': 'font-family: "Liberation Sans Narrow", "DejaVu Sans Condensed", sans-serif; letter-spacing: -0.06em',
};

/** Draws the page in another font, and with a root font size in percent of the browser's own. */
export async function setText(page: Page, font: string, percent: number): Promise<void> {
  await page.evaluate(
    ([declarations, size]) => {
      const sheet = new CSSStyleSheet();
      sheet.insertRule(`html { font-size: ${size} !important }`);
      const every = declarations.split(';').map((declaration) => `${declaration} !important`);
      if (declarations !== '') sheet.insertRule(`*:not(code, pre) { ${every.join(';')} }`);
      document.adoptedStyleSheets = [sheet];
    },
    [font, `${percent}%`] as const,
  );
}

/** What is cut off or reaches over the screen's edge, each as `what: why`; none on a sound page. */
export async function layoutFaults(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const screen = document.documentElement.clientWidth;
    const faults: string[] = [];
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > screen) faults.push(`the page: scrolls sideways by ${scrollWidth - screen}`);
    for (const element of document.querySelectorAll('main *, header *, footer *')) {
      if (!(element instanceof HTMLElement) || !element.checkVisibility() || element.closest('.unseen')) continue;
      const { left, right, width } = element.getBoundingClientRect();
      const frame = element.parentElement?.closest('.card, .stage, .entries')?.getBoundingClientRect();
      const [from, to] = [Math.max(0, frame?.left ?? 0), Math.min(screen, frame?.right ?? screen)];
      const name = element.dataset.testid ?? element.className;
      const what = `${element.localName} ${name} ${element.innerText.slice(0, 20)}`;
      if (width > 0 && (left < from - 0.5 || right > to + 0.5)) faults.push(`${what}: reaches over the edge`);
      // An input scrolls by itself, and an inline element has no width of its own.
      const isBox = element.localName !== 'input' && getComputedStyle(element).display !== 'inline';
      const isText = isBox && element.childElementCount === 0;
      if (isText && element.scrollWidth > element.clientWidth + 1) faults.push(`${what}: is wider than its box`);
    }
    for (const latency of document.querySelectorAll('.entry-latency')) {
      const text = latency.nextElementSibling?.getBoundingClientRect();
      const own = latency.getBoundingClientRect();
      const isBeside = text !== undefined && text.top < own.bottom && own.top < text.bottom;
      if (isBeside && text.left < own.right + 4) faults.push(`${latency.textContent}: touches the text beside it`);
    }
    return faults;
  });
}
