// The demo page as somebody uses it: what they see, and what they click.

import type { Browser, Locator, Page } from 'playwright';

export interface Look {
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** One entry of the list of messages. */
export interface Shown {
  readonly text: string;
  readonly offset: string;
  readonly arrival: string;
  readonly transport: string;
}

/** Leaving a transport, and the deliberate cut, end the requests that are on their way. */
const ENDED_BY_THE_PAGE = /\/v1\/(stream|poll) net::ERR_ABORTED$/;

export class DemoPage {
  readonly page: Page;
  /** What went wrong: console errors, exceptions, requests that failed or were refused. */
  readonly problems: string[] = [];

  /** A tab of its own, in a browser profile of its own. */
  static async open(browser: Browser, url: string, look: Look = {}): Promise<DemoPage> {
    const demo = new DemoPage(await browser.newPage(look));
    await demo.page.goto(url);
    await demo.connected();
    return demo;
  }

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (line) => {
      if (['error', 'warning'].includes(line.type())) this.problems.push(line.text());
    });
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('requestfailed', (request) => {
      const failure = `${request.url()} ${request.failure()?.errorText}`;
      if (!ENDED_BY_THE_PAGE.test(failure)) this.problems.push(failure);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) this.problems.push(`${response.url()} ${response.status()}`);
    });
  }

  part(name: string): Locator {
    return this.page.getByTestId(name);
  }

  /** Resolves when the client is connected and its channel subscribed, over `transport` if given. */
  async connected(transport?: string): Promise<void> {
    const voice = transport === undefined ? '' : `[data-voice="${transport}"]`;
    await this.page.locator(`html[data-state="connected"]${voice}`).waitFor();
    await this.page.locator('[data-testid="channel"][data-state="subscribed"]').first().waitFor();
  }

  async choose(transport: string): Promise<void> {
    await this.part(`transport-${transport}`).check();
    await this.connected(transport);
  }

  async publish(text: string): Promise<void> {
    await this.part('text').fill(text);
    await this.part('text').press('Enter');
  }

  /** Resolves when a message with exactly this text is in the list. */
  async sees(text: string): Promise<void> {
    await this.part('message-text').getByText(text, { exact: true }).first().waitFor();
  }

  /** All that is in the list, in the order in which it arrived. */
  async messages(): Promise<readonly Shown[]> {
    const newestFirst = await this.part('message').evaluateAll((items) =>
      items.map((item) => {
        const { offset = '', arrival = '', voice = '' } = (item as HTMLElement).dataset;
        const text = item.querySelector('[data-testid="message-text"]')?.textContent ?? '';
        return { text, offset, arrival, transport: voice };
      }),
    );
    return newestFirst.reverse();
  }

  async texts(): Promise<readonly string[]> {
    return (await this.messages()).map(({ text }) => text);
  }

  /** Whether something is wider than the screen. */
  async scrollsSideways(): Promise<boolean> {
    return this.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
