// The demo page in a real browser, served by the built program: clicked through as a visitor would.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describeVisits } from './visits.js';

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'];

describeVisits('the demo page', (visits) => {
  it('connects by itself, and shows what is published with its latency and its offset', async () => {
    const page = await visits.visit();
    await page.part('empty').waitFor();
    const before = await page.part('position').textContent();

    await page.publish('Good morning');
    await page.sees('Good morning');

    const [message] = await page.messages();
    expect(message).toMatchObject({
      arrival: 'live',
      transport: 'websocket',
      offset: expect.stringMatching(/^\d{13}-/),
    });
    expect(await page.part('latency-last').textContent()).toMatch(/^(< )?[\d.]+ m?s$/);
    expect(await page.part('state-code').textContent()).toMatch(
      /type: 'connected', transport: 'websocket', node: '.+'/,
    );
    expect(await page.part('position').textContent()).toBe(message?.offset);
    expect(before).not.toBe(message?.offset);
    expect(await page.part('empty').isHidden()).toBe(true);
  });

  it('says what each transport has cost', async () => {
    const page = await visits.visit();
    const costs = async (transport: string) => {
      const texts = ['requests', 'sent', 'received'].map((what) => page.part(`${what}-${transport}`).textContent());
      return (await Promise.all(texts)).map((text) => Number.parseFloat(text ?? ''));
    };
    for (const transport of ['sse', 'short-poll']) {
      expect(await costs(transport)).toEqual([0, 0, 0]);
      await page.choose(transport);
      await page.publish(`over ${transport}`);
      await page.sees(`over ${transport}`);
    }
    const [[requests = 0, sent, received], polls] = await Promise.all([costs('sse'), costs('short-poll')]);
    expect(sent).toBeGreaterThan(0);
    expect(received).toBeGreaterThan(0);
    // It asks again and again, also while nobody says anything; a stream does not.
    await expect.poll(async () => (await costs('short-poll'))[0]).toBeGreaterThan((polls[0] ?? 0) + 2);
    expect((await costs('sse'))[0]).toBe(requests);
  });

  it('delivers over each transport, and loses nothing when it changes', async () => {
    const page = await visits.visit();
    const other = await visits.visit();
    const said: string[] = [];
    for (const transport of TRANSPORTS) {
      await page.choose(transport);
      const texts = [`from here over ${transport}`, `to ${transport} from elsewhere`] as const;
      await page.publish(texts[0]);
      await other.sees(texts[0]);
      await other.publish(texts[1]);
      await Promise.all(texts.map((text) => page.sees(text)));
      said.push(...texts);
    }
    await page.part('transport-auto').check();
    await page.connected('websocket');

    expect(await page.texts()).toEqual(said);
    const over = (await page.messages()).map(({ transport }) => transport);
    expect(over).toEqual(TRANSPORTS.flatMap((transport) => [transport, transport]));
    for (const transport of TRANSPORTS) {
      expect(await page.part(`median-${transport}`).textContent()).toMatch(/s$/);
    }
  });

  it('logs out at once, stays out, and goes on where it was once it has logged in again', async () => {
    const page = await visits.visit();
    const other = await visits.visit();
    await page.publish('before');
    await page.sees('before');
    const before = page.problems.length;
    await page.part('log-out').click();
    await page.page.locator('html[data-state="closed"]').waitFor();
    expect(await page.part('state-title').textContent()).toBe('Logged out');
    expect(await page.part('state-code').textContent()).toContain("code: 4503, reason: 'revoked'");
    expect(await page.part('log-out').isHidden()).toBe(true);
    expect(page.problems.length).toBe(before);
    await other.publish('meanwhile');
    await other.sees('meanwhile');
    await page.part('connect-again').click();
    await page.connected();
    await page.sees('meanwhile');
    await page.publish('after');
    await other.sees('after');
    expect(other.problems).toEqual([]);
  });

  it('delivers a burst of twenty in order', async () => {
    const page = await visits.visit();
    await page.part('burst').click();
    await page.part('message').nth(19).waitFor();
    expect(new Set(await page.texts()).size).toBe(20);
    const offsets = (await page.messages()).map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.toSorted());
  });

  it('recovers what was published while the connection was cut, over each transport', async () => {
    const page = await visits.visit();
    const other = await visits.visit();
    for (const transport of TRANSPORTS) {
      await page.choose(transport);
      const heard = await page.texts();
      await page.part('cut').click();
      await page.page.locator('html[data-state="waiting"]').waitFor();
      const missed = [`first missed by ${transport}`, `second missed by ${transport}`, `third missed by ${transport}`];
      for (const text of missed) {
        await other.publish(text);
        await other.sees(text);
      }
      await page.publish(`from here, not over ${transport}`);
      await other.sees(`from here, not over ${transport}`);
      expect(await page.texts()).toEqual(heard);

      await page.part('cut').click();
      await page.page.locator('[data-testid="outage"][data-phase="over"]').waitFor();
      await page.connected(transport);
      const recovered = (await page.messages()).filter(({ arrival }) => arrival === 'recovered');
      expect(recovered.map(({ text }) => text).filter((text) => missed.includes(text))).toEqual(missed);
      expect(await page.part('outage').textContent()).toMatch(/All \d+ missed messages were recovered, in order, each/);
    }
    await other.publish('and now live');
    await Promise.all([page.sees('and now live'), other.sees('and now live')]);

    expect(await page.texts()).toEqual(await other.texts());
    const offsets = (await page.messages()).map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].toSorted());
  });

  it('tells a gap to who comes back too late, and goes on after it', async () => {
    const page = await visits.visit();
    await page.publish('still in history');
    await page.sees('still in history');
    await page.part('too-late').click();
    await page.part('gap').waitFor();
    for (const part of ['gap', 'outage']) {
      expect(await page.part(part).textContent()).toMatch(
        /Too late, and told so.*came back to demo:lobby from a position/s,
      );
    }
    await page.sees('still in history');
    await page.publish('and on it goes');
    await page.sees('and on it goes');
    expect(await page.texts()).toEqual(['still in history', 'and on it goes']);
  });

  it('joins and leaves other channels', async () => {
    const page = await visits.visit();
    const garden = page.page.locator('[data-channel="demo:garden"][data-testid="channel"]');
    await page.part('join-name').fill('not a name');
    await page.part('join-name').press('Enter');
    await page.part('join-problem').getByText('Letters, digits').waitFor();
    await page.part('join-name').fill('garden');
    await page.part('join-name').press('Enter');
    await garden.getByText('subscribed').waitFor();
    await garden.getByRole('radio').check();
    await page.publish('among flowers');
    await page.page.locator('[data-testid="message"][data-channel="demo:garden"]').waitFor();
    await garden.getByRole('button', { name: 'Leave demo:garden' }).click();
    await garden.waitFor({ state: 'detached' });
    expect(await page.part('target').textContent()).toBe('demo:lobby');
  });

  it('shows a curl command that works as it stands', async () => {
    const page = await visits.visit();
    const command = await page.part('command-curl').textContent();
    await promisify(execFile)('sh', ['-c', command ?? '']);
    await page.sees('Hello from curl');
  });

  it('shows a page of eight lines that works as it stands, from another origin', async () => {
    const page = await visits.visit();
    const code = (await page.part('command-browser').textContent()) ?? '';
    expect(code.split('\n')).toHaveLength(8);
    const other = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(code));
    await once(other.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      const own = await visits.browser.newPage();
      const logged = own.waitForEvent('console', (line) => line.text().includes('Hello from a page of my own'));
      await own.goto(`http://127.0.0.1:${port}/`);
      await page.sees('Hello from a page of my own');
      expect((await logged).type()).toBe('log');
      await own.close();
    } finally {
      other.close();
    }
  });

  it('says what Fanfare is before anything else, and leads to the eight lines and to the README', async () => {
    const page = await visits.visit();
    const lead = page.page.locator('.lead');
    expect(await lead.textContent()).toContain('Fanfare is a realtime notification server');
    const [home, readme] = await lead
      .locator('a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(await page.page.locator(String(home)).getByTestId('command-browser').count()).toBe(1);
    const text = await (await fetch(new URL(String(readme), page.page.url()))).text();
    expect(text.startsWith('# Fanfare')).toBe(true);
  });

  it('shows markup in a message as text', async () => {
    const page = await visits.visit();
    const markup = '<img src=x onerror=alert(1)><b>bold</b>';
    await page.publish(markup);
    await page.sees(markup);
    expect(await page.part('messages').locator('img, b').count()).toBe(0);
  });

  it('shows history to whoever comes later', async () => {
    const first = await visits.visit();
    await first.publish('said before');
    await first.sees('said before');
    const second = await visits.visit({ colorScheme: 'dark' });
    await second.sees('said before');
    expect((await second.messages()).map(({ arrival }) => arrival)).toEqual(['history']);
  });

  it('keeps the theme that was chosen', async () => {
    const page = await visits.visit({ colorScheme: 'light' });
    await page.page.getByRole('button', { name: 'Change to the dark theme' }).click();
    await page.page.reload();
    await page.connected();
    await page.page.getByRole('button', { name: 'Change to the light theme' }).waitFor();
  });
});
