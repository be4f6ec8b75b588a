// A real WebKitGTK for tests, on a screen of its own, driven by WebDriver: finds it, starts it, and says why it cannot.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.js';
import { findProgram } from './programs.js';

const driverPath = findProgram('WebKitWebDriver');
const screenPath = findProgram('Xvfb');

/** Why tests in it are to be skipped; in CI nothing is, there `start` fails instead. */
export const webkitSkipReason: string | undefined =
  (driverPath === undefined || screenPath === undefined) && !process.env.CI
    ? 'type: apt-get install webkit2gtk-driver xvfb'
    : undefined;

const START_MS = 30_000;
/** No graphics card, no bus and no voice is needed for a page that shows nothing. */
const SOFTWARE = {
  LIBGL_ALWAYS_SOFTWARE: '1',
  WEBKIT_DISABLE_COMPOSITING_MODE: '1',
  WEBKIT_DISABLE_DMABUF_RENDERER: '1',
  NO_AT_BRIDGE: '1',
  GDK_BACKEND: 'x11',
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export class WebKit {
  readonly version: string;
  readonly #session: string;
  /** The window that it came with. */
  readonly #first: string;
  readonly #processes: readonly ChildProcess[];
  readonly #home: string;
  /** Commands go to the window that was switched to last, so one comes after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    session: string,
    first: string,
    version: string,
    processes: readonly ChildProcess[],
    home: string,
  ) {
    this.#session = session;
    this.#first = first;
    this.version = version;
    this.#processes = processes;
    this.#home = home;
  }

  static async start(): Promise<WebKit> {
    if (driverPath === undefined || screenPath === undefined)
      throw new Error('webkit2gtk-driver and xvfb are not installed, and CI skips nothing');
    const home = mkdtempSync(join(tmpdir(), 'fanfare-webkit-'));
    const screen = spawn(screenPath, ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [display] = await once(createInterface(screen.stdout), 'line');
    const port = await freePort();
    const env = { ...process.env, ...SOFTWARE, DISPLAY: `:${display}`, HOME: home, XDG_RUNTIME_DIR: home };
    const driver = spawn(driverPath, [`--port=${port}`, '--host=127.0.0.1'], { env, stdio: 'ignore', detached: true });
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => (await fetch(`${url}/status`)).ok || 'the driver refuses', START_MS);
    const { sessionId, capabilities } = (await command('POST', `${url}/session`, { capabilities: {} })) as {
      readonly sessionId: string;
      readonly capabilities: { readonly browserVersion: string };
    };
    const session = `${url}/session/${sessionId}`;
    const first = (await command('GET', `${session}/window`)) as string;
    return new WebKit(session, first, capabilities.browserVersion, [screen, driver], home);
  }

  /** A window with that page. */
  async open(url: string): Promise<WebKitWindow> {
    // The first one stays as it is: with the last window the session ends, and from one that was closed none can be opened.
    const made = await this.#in(this.#first, '/window/new', { type: 'window' });
    const { handle } = made as { readonly handle: string };
    const window = new WebKitWindow((path, body, method) => this.#in(handle, path, body, method));
    await window.goto(url);
    return window;
  }

  /** Ends it and what it was started with. */
  async close(): Promise<void> {
    await this.#inTurn(() => command('DELETE', this.#session)).catch(ignore);
    for (const child of this.#processes) {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }

  #in(handle: string, path: string, body?: object, method = 'POST'): Promise<unknown> {
    return this.#inTurn(async () => {
      await command('POST', `${this.#session}/window`, { handle });
      return command(method, this.#session + path, body);
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(ignore);
    return mine;
  }
}

const ignore = () => {};

export class WebKitWindow {
  readonly #send: (path: string, body?: object, method?: string) => Promise<unknown>;

  constructor(send: (path: string, body?: object, method?: string) => Promise<unknown>) {
    this.#send = send;
  }

  async run<T>(expression: string): Promise<T> {
    return (await this.#send('/execute/sync', { script: `return (${expression})`, args: [] })) as T;
  }

  async goto(url: string): Promise<void> {
    await this.#send('/url', { url });
  }

  async back(): Promise<void> {
    await this.#send('/back', {});
  }

  async close(): Promise<void> {
    await this.#send('/window', undefined, 'DELETE');
  }
}

/** Rejects with what the driver says when it refuses. */
async function command(method: string, url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = (await response.json()) as { readonly value: unknown };
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${JSON.stringify(value)}`);
  return value;
}
