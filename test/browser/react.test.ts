// The React hooks in a real browser, under StrictMode, and on a server.

import { build } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/index.js';
import { FanfareProvider, useChannel, useClientState } from '../../client-sdk/react.js';
import type { createTestServer } from '../../client-sdk/testing/index.js';
import type { Client } from '../../client-sdk/types.js';
import { launchChromium, skipReason } from '../support/chromium.js';

/** What the page lays open. */
interface Inside {
  readonly server: ReturnType<typeof createTestServer>;
  readonly client: Client;
  readonly shown: string[];
  setChannel(channel: string | null): void;
  setThere(isThere: boolean): void;
  setUser(user: string): void;
}

describe.skipIf(skipReason)(`the React hooks${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  let browser: Browser;
  let script: string;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    const { outputFiles } = await build({
      entryPoints: ['test/browser/react-page/main.tsx'],
      ...{ bundle: true, write: false, format: 'esm', jsx: 'automatic', target: 'es2022' },
      define: { 'process.env.NODE_ENV': '"development"' },
    });
    script = outputFiles[0]?.text ?? '';
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    problems.length = 0;
    page = await browser.newPage();
    page.on('console', (line) => line.type() === 'error' && problems.push(line.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.route('http://page.test/', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<body></body>' }),
    );
    await page.goto('http://page.test/');
    await page.addScriptTag({ content: script, type: 'module' });
    await shows('state', 'connected');
    return async () => {
      expect(problems).toEqual([]);
      await page.close();
    };
  });

  const shows = (id: string, text: string) => expect.poll(() => page.locator(`#${id}`).textContent()).toBe(text);
  const inside = <T>(use: (inside: Inside) => T) =>
    page.evaluate(`(${use.toString()})(globalThis)`) as Promise<Awaited<T>>;

  it('show the last messages and what comes, once each, though StrictMode mounts twice; as many as are to be kept', async () => {
    await shows('channel-state', 'subscribed');
    await inside(({ server }) => {
      for (let n = 1; n <= 3; n++) server.publish('a', n);
    });
    await shows('list', 'a 1, a 2, a 3');
    await inside(({ server }) => {
      for (let n = 4; n <= 9; n++) server.publish('a', n);
    });
    await shows('list', 'a 5, a 6, a 7, a 8, a 9');
    expect(await inside(({ server }) => server.links)).toBe(1);
    // What comes in one turn is one rendering, which StrictMode does twice.
    expect(await inside(({ shown }) => shown.length)).toBeLessThan(16);
  });

  it('begin anew with another channel, without a message of the one before', async () => {
    await inside(({ server }) => {
      server.publish('a', 1);
      server.publish('b', 2);
    });
    await shows('list', 'a 1');
    await inside(({ setChannel }) => setChannel('b'));
    await shows('list', 'b 2');
    await inside(({ setChannel }) => setChannel(null));
    await shows('list', '');
    await shows('channel-state', 'pending');
    expect(await inside(({ shown }) => shown.filter((one) => /^b: .*a|^a: .*b|^null: ./.test(one)))).toEqual([]);
  });

  it('leave the channel when the component goes', async () => {
    await shows('channel-state', 'subscribed');
    await inside(({ setThere }) => setThere(false));
    await expect.poll(() => page.locator('#list').count()).toBe(0);
    await inside(({ server }) => void server.publish('a', 1));
    await inside(({ setThere }) => setThere(true));
    await shows('list', 'a 1');
  });

  it('tell a gap, and why a channel is refused', async () => {
    await inside(({ server }) => void server.publish('a', 1));
    await shows('list', 'a 1');
    await inside(({ server }) => {
      server.isDown = true;
      server.cut();
      for (const n of [2, 3, 4]) server.publish('a', n);
      server.trim('a', 1);
      server.isDown = false;
    });
    await shows('gap', 'trimmed');
    await shows('list', 'a 1, a 4');
    await inside(({ server, setChannel }) => {
      server.forbid('secret');
      setChannel('secret');
    });
    await shows('error', 'forbidden_channel');
    await shows('error-text', 'secret: forbidden_channel');
    await shows('channel-state', 'closed');
  });

  it('go on where they were when a client that was closed is opened again', async () => {
    await inside(({ server }) => void server.publish('a', 1));
    await shows('list', 'a 1');
    await inside(({ client }) => client.close());
    await shows('error', 'closed');
    await shows('state', 'closed');
    await inside(({ server, client }) => {
      server.publish('a', 2);
      client.connect();
    });
    await shows('list', 'a 1, a 2');
    await shows('error', '');
  });

  it('begin anew for another user, and show nothing of the one before', async () => {
    await inside(({ server }) => {
      for (const n of [1, 2, 3, 4, 5]) server.publish('a', n);
    });
    await shows('list', 'a 1, a 2, a 3, a 4, a 5');
    const logIn = (name: string) =>
      page.evaluate(`setUser('${name}'); client.close(); client.connect();`) as Promise<void>;
    await logIn('ben');
    await shows('list', 'a 3, a 4, a 5');
    await inside(({ server }) => void server.publish('a', 6));
    await shows('list', 'a 3, a 4, a 5, a 6');
    await inside(({ server }) => server.forbid('a'));
    await logIn('cleo');
    await shows('error', 'forbidden_channel');
    await shows('list', '');
    await inside(({ setThere }) => setThere(false));
    await logIn('dan');
    await inside(({ setThere }) => setThere(true));
    await shows('list', '');
  });
});

describe('the React hooks on a server', () => {
  it('render nothing but the state of an idle client, and open nothing', () => {
    const asked: string[] = [];
    const client = createClient({
      url: 'http://push.test',
      fetch: (url) => {
        asked.push(url);
        return Promise.reject(new Error('no network here'));
      },
    });
    const View = () => {
      const { messages, state } = useChannel('a', { last: 3 });
      return createElement('p', null, `${useClientState().type} ${state.type} ${messages.length}`);
    };
    const text = renderToString(createElement(FanfareProvider, { client }, createElement(View)));
    expect(text).toBe('<p>idle pending 0</p>');
    expect(asked).toEqual([]);
  });

  it('say so when there is no provider', () => {
    const View = () => createElement('p', null, useClientState().type);
    expect(() => renderToString(createElement(View))).toThrow('there is no FanfareProvider above');
  });
});
