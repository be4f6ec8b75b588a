// Visits to the demo page of a server of one's own; whatever went wrong on a page fails the test that opened it.

import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { launchChromium, skipReason } from '../support/chromium.js';
import { DemoPage, type Look } from './demo-page.js';
import { type StartedServer, startServer } from './started-server.js';

export interface Visits {
  readonly browser: Browser;
  readonly url: string;
  visit(look?: Look): Promise<DemoPage>;
}

/** A suite in a real browser, each test with a server of its own; skipped, and saying why, where there is no browser. */
export function describeVisits(
  title: string,
  tests: (visits: Visits) => void,
  env: Readonly<Record<string, string>> = {},
): void {
  const told = skipReason === undefined ? title : `${title} (skipped: ${skipReason})`;
  describe.skipIf(skipReason !== undefined)(told, () => {
    let browser: Browser;
    let server: StartedServer;
    let open: DemoPage[] = [];

    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(() => browser?.close());

    beforeEach(async () => {
      server = await startServer(env);
    });
    afterEach(async () => {
      const problems = open.flatMap((page) => page.problems);
      await Promise.all(open.map((page) => page.close()));
      open = [];
      expect(await server.stop()).toBe(0);
      expect(problems).toEqual([]);
    });

    tests({
      get browser() {
        return browser;
      },
      get url() {
        return server.url;
      },
      async visit(look) {
        const page = await DemoPage.open(browser, server.url, look);
        open.push(page);
        return page;
      },
    });
  });
}
