// The examples, built from the packed SDK and used as people use them; and README shows what they hold.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, skipReason } from '../support/chromium.js';
import { type StartedServer, startServer } from './started-server.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KEYS = {
  FANFARE_AUTH_SECRET: 'an-examples-secret-of-at-least-32-bytes',
  FANFARE_PUBLISH_KEY: 'an-examples-publish-key-of-32-bytes!',
};
const NAMESPACES = '{"demo":{"public":true,"anonymous":true,"clientPublish":true}}';

let folder: string;
let fanfare: StartedServer;
const children: ChildProcess[] = [];

/** A script of the examples, and its lines. */
function run(path: string, args: readonly string[], env: Readonly<Record<string, string>>): Interface {
  const child = spawn(process.execPath, [join(folder, path), ...args], {
    env: { PATH: process.env.PATH, FANFARE_URL: fanfare.url, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return createInterface(child.stdout);
}

async function publish(channel: string, data: unknown): Promise<void> {
  const response = await fetch(`${fanfare.url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEYS.FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel, data }),
  });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
}

beforeAll(async () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/pack-client.mjs'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  folder = mkdtempSync(join(tmpdir(), 'fanfare-examples-'));
  cpSync(`${ROOT}examples`, folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  cpSync(`${ROOT}dist/client-package`, join(folder, 'node_modules/fanfare-client'), { recursive: true });
  for (const name of ['react', 'react-dom', 'scheduler', 'vite', 'express', 'jose', 'ws']) {
    symlinkSync(`${ROOT}node_modules/${name}`, join(folder, 'node_modules', name));
  }
  fanfare = await startServer({ ...KEYS, FANFARE_NAMESPACES: NAMESPACES });
});
afterAll(async () => {
  for (const child of children) child.kill();
  await fanfare?.stop();
  rmSync(folder, { recursive: true });
});

it('the script for Node prints what is kept and what comes', async () => {
  await publish('demo:script', { n: 1 });
  const lines = run('node-script/listen.mjs', ['demo:script'], {})[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('{"n":1}');
  await publish('demo:script', { n: 2 });
  expect((await lines.next()).value).toBe('{"n":2}');
});

describe.skipIf(skipReason)(`in a browser${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  let browser: Browser;
  const problems: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    expect(problems).toEqual([]);
  });

  async function open(url: string): Promise<Page> {
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(url);
    await page.getByRole('status').filter({ hasText: 'connected' }).waitFor();
    return page;
  }

  it('the page without a bundler shows what is kept and what comes', async () => {
    const files: Server = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html').end(readFileSync(`${ROOT}examples/plain-page/index.html`));
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const { port } = files.address() as AddressInfo;
    await publish('demo:news', 'before');
    const page = await open(`http://127.0.0.1:${port}/?fanfare=${fanfare.url}`);
    await page.getByText('"before"').waitFor();
    await publish('demo:news', 'now');
    await page.getByText('"now"').waitFor();
    await page.close();
    files.close();
  });

  it('bell and chat: what is said in one tab is in the other, and a notification rings in all of its user’s', async () => {
    const app = join(folder, 'bell-and-chat');
    process.env.VITE_FANFARE_URL = fanfare.url;
    await build({ root: app, logLevel: 'warn' });
    const backend = run('bell-and-chat/backend.mjs', [], { ...KEYS, PORT: '0', PAGE: join(app, 'dist') });
    const [url] = (await once(backend, 'line')) as [string];

    const anna = await open(`${url}/?user=anna`);
    const phone = await open(`${url}/?user=anna`);
    const bob = await open(`${url}/?user=bob`);
    await anna.getByLabel('Say').fill('hello');
    await anna.getByRole('button', { name: 'Say it' }).click();
    await anna.getByText('me: hello').waitFor();
    await bob.getByText('anna: hello').waitFor();
    await bob.getByLabel('Say').fill('hi anna');
    await bob.getByRole('button', { name: 'Say it' }).click();
    await anna.getByText('bob: hi anna').waitFor();
    expect(await anna.getByLabel('Say').inputValue()).toBe('');

    const notice = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    await fetch(`${url}/notify`, { ...notice, body: JSON.stringify({ user: 'anna', title: 'You have mail' }) });
    for (const page of [anna, phone]) {
      await page.getByText('You have mail').waitFor();
      expect(await page.locator('output').textContent()).toBe('1');
    }
    await anna.getByRole('button', { name: '🔔' }).click();
    await expect.poll(() => anna.locator('output').textContent()).toBe('0');
    expect(await bob.getByText('You have mail').count()).toBe(0);

    await anna.reload();
    await anna.getByText('me: hello').or(anna.getByText('anna: hello')).first().waitFor();
    await anna.getByText('You have mail').waitFor();
    for (const page of [anna, phone, bob]) await page.close();
  });
});
