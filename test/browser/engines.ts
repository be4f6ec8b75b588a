// The engines that run the scenario page: how each is started, and what can be done to a tab of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright';
import { launchChromium, skipReason } from '../support/chromium.js';
import { firefoxSkipReason, launchFirefox } from '../support/firefox.js';
import { WebKit, webkitSkipReason } from '../support/webkit.js';
import type { Known, Order } from './scenario-page/host.js';

/** Where the scenario page runs, or another program that plays its part. */
export interface Tab {
  obey(order: Order): Promise<void>;
  look(): Promise<Known | null>;
  /** Another of the same browser and user. */
  beside(): Promise<Tab>;
  /** To another page, and back by the back button. */
  leave(): Promise<void>;
  back(): Promise<void>;
  /** Without a word, where that can be done. */
  kill(): Promise<void>;
  setOffline(isOffline: boolean): Promise<void>;
  setFrozen(isFrozen: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface Engine {
  readonly version: string;
  /** Opens the scenario page of a server; `query` says who plays its part. */
  open(url: string, query: string): Promise<Tab>;
  close(): Promise<void>;
}

const cannot = (what: string) => () => Promise.reject(new Error(`${what} is not for this engine`));
const obeyScript = (order: Order) => `void scenario.obey(${JSON.stringify(order)})`;
const LOOK = 'scenario.look()';

/** A tab that playwright drives. */
const playwrightTab = (page: Page, url: string, isOwn: boolean): Tab => {
  const context: BrowserContext = page.context();
  const isChromium = context.browser()?.browserType().name() === 'chromium';
  let session: CDPSession | undefined;
  const devtools = async () => {
    session ??= await context.newCDPSession(page);
    return session;
  };
  const crash = async () => {
    const session = await devtools();
    const crashed = page.waitForEvent('crash');
    session.send('Page.crash').catch(() => {
      // The answer dies with it.
    });
    await crashed;
    await page.close();
  };
  return {
    obey: (order) => page.evaluate(obeyScript(order)),
    look: () => page.evaluate(LOOK),
    async beside() {
      const page = await context.newPage();
      await page.goto(url);
      return playwrightTab(page, url, false);
    },
    leave: async () => void (await page.goto(new URL('/elsewhere', url).href)),
    // Of a page that was kept `goBack` is told nothing.
    back: () => page.evaluate('void setTimeout(() => history.back())'),
    kill: () => (isChromium ? crash() : page.close()),
    setOffline: (isOffline) => context.setOffline(isOffline),
    async setFrozen(isFrozen) {
      await (await devtools()).send('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' });
    },
    close: () => (isOwn ? context.close() : page.close()),
  };
};

const playwright = async (launch: () => Promise<Browser>): Promise<Engine> => {
  const browser = await launch();
  return {
    version: browser.version(),
    async open(url, query) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(url + query);
      return playwrightTab(page, url + query, true);
    },
    close: () => browser.close(),
  };
};

const webkit = async (): Promise<Engine> => {
  const webkit = await WebKit.start();
  const open = async (url: string): Promise<Tab> => {
    const window = await webkit.open(url);
    return {
      obey: (order) => window.run(obeyScript(order)),
      look: () => window.run(LOOK),
      beside: () => open(url),
      leave: () => window.goto(new URL('/elsewhere', url).href),
      back: () => window.back(),
      kill: () => window.close(),
      setOffline: cannot('offline'),
      setFrozen: cannot('freezing'),
      close: () => window.close(),
    };
  };
  return { version: webkit.version, open: (url, query) => open(url + query), close: () => webkit.close() };
};

/** Each a process, which does what the page does. */
const node = async (code: string): Promise<Engine> => {
  const dist = fileURLToPath(new URL('../../dist', import.meta.url));
  const open = async (url: string): Promise<Tab> => {
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code, url, dist], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let known: Known | null = null;
    const hear = (line: string) => {
      known = JSON.parse(line);
    };
    if (child.stdout) createInterface(child.stdout).on('line', hear);
    const end = async () => {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await gone;
    };
    return {
      obey: async (order) => void child.stdin?.write(`${JSON.stringify(order)}\n`),
      look: async () => known,
      beside: cannot('a second tab'),
      leave: cannot('leaving'),
      back: cannot('coming back'),
      kill: end,
      setOffline: cannot('offline'),
      setFrozen: async (isFrozen) => void child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT'),
      close: end,
    };
  };
  return { version: process.version.slice(1), open, close: async () => {} };
};

export type EngineName = 'chromium' | 'firefox' | 'webkit' | 'node';

/** `code` is what a process of Node runs. */
export const ENGINES: Readonly<
  Record<EngineName, { readonly skipReason?: string | undefined; start(code: string): Promise<Engine> }>
> = {
  chromium: { skipReason, start: () => playwright(() => launchChromium({ keepsPages: true })) },
  firefox: { skipReason: firefoxSkipReason, start: () => playwright(launchFirefox) },
  webkit: { skipReason: webkitSkipReason, start: webkit },
  node: { start: node },
};
