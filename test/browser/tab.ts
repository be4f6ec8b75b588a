// A tab of a real browser that shares its connection with others, and what it was told.

import type { Page } from 'playwright';

/** What a page keeps for the test. */
interface Kept {
  readonly client: { readonly state: { readonly type: string }; readonly connection?: { readonly id: string } };
  readonly numbers: number[];
  readonly gaps: unknown[];
  readonly sockets: { readonly readyState: number }[];
  readonly longestMs: () => number;
}

const OPEN = 1;

/** Runs in the page. A string: the SDK is imported from where the server has it. */
const script = (channel: string, worker: string | null | undefined, user: string) => `(async () => {
  const sockets = [];
  globalThis.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  };
  const { createSharedClient } = await import('/sdk-shared.js');
  const client = createSharedClient({
    url: location.origin,
    token: async () => (await (await fetch('/demo/token?page=${user}')).json()).token,
    worker: ${JSON.stringify(worker)},
  });
  const numbers = [];
  const gaps = [];
  let lastMs;
  let longestMs = 0;
  const subscription = client.subscribe('${channel}', {}, ({ data }) => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - (lastMs ?? nowMs));
    lastMs = nowMs;
    numbers.push(data);
  });
  subscription.on('gap', (gap) => gaps.push(gap));
  globalThis.kept = { client, numbers, gaps, sockets, longestMs: () => longestMs };
  await new Promise((resolve) => subscription.on('state', ({ type }) => type === 'subscribed' && resolve()));
})()`;

export class Tab {
  readonly page: Page;

  /** Resolves when it is subscribed. `worker` is the option of that name; `user` a short name. */
  static async open(page: Page, url: string, channel: string, worker?: string | null, user = 'tabs'): Promise<Tab> {
    // A page that does nothing by itself.
    await page.goto(`${url}/readme.txt`);
    await page.evaluate(script(channel, worker, user));
    return new Tab(page);
  }

  private constructor(page: Page) {
    this.page = page;
  }

  #ask<T>(question: (kept: Kept) => T): Promise<T> {
    return this.page.evaluate(`(${question})(globalThis.kept)`) as Promise<T>;
  }

  numbers(): Promise<number[]> {
    return this.#ask(({ numbers }) => numbers);
  }

  gaps(): Promise<unknown[]> {
    return this.#ask(({ gaps }) => gaps);
  }

  /** The longest time between two messages. */
  longestMs(): Promise<number> {
    return this.#ask(({ longestMs }) => longestMs());
  }

  connection(): Promise<string | undefined> {
    return this.#ask(({ client }) => client.connection?.id);
  }

  /** Whether the link to the node is this tab's. */
  async leads(): Promise<boolean> {
    const states = await this.#ask(({ sockets }) => sockets.map(({ readyState }) => readyState));
    return states.includes(OPEN);
  }

  /** Its renderer dies, without a word. */
  async crash(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const crashed = this.page.waitForEvent('crash');
    session.send('Page.crash').catch(() => {
      // The answer dies with it.
    });
    await crashed;
    await this.page.close();
  }

  /** It does something else for so long, and hears nothing; resolves when that is over. */
  block(ms: number): Promise<void> {
    return this.page.evaluate((ms) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    }, ms);
  }
}
