// Caches for real: nginx and Varnish as deploy/ has them, in front of a node of each engine.

import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { LONGEST_WAIT_MS, nextMark } from '../../src/node/transports/live-cursor.js';
import { openEvents } from '../support/event-reader.js';
import { type GetAnswer, get, nextPage } from '../support/http-get.js';
import { cacheSkipReason, startNginxCache } from '../support/nginx-cache.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { startVarnishCache, varnishSkipReason } from '../support/varnish-cache.js';

const BRIEFLY_MS = 2_000;
const NAMESPACES = {
  default: { historySize: 2_000 },
  pub: { public: true, historySize: 2_000 },
  brief: { public: true, historySize: 2_000, cacheMaxAgeMs: BRIEFLY_MS },
};
const DELETES = { key: 'key-of-the-tests-deletes-0123456789', patterns: ['*'], rights: ['delete'] } as const;
const CROWD = 150;
/** nginx has ten bits for them. */
const UNCOUNTED = 1_300;
/** nginx counts in whole seconds. */
const SECOND_MS = 1_000;

const CACHES = [
  { name: 'nginx', skipReason: cacheSkipReason, start: (url: string) => startNginxCache(url) },
  { name: 'varnish', skipReason: varnishSkipReason, start: (url: string) => startVarnishCache(url) },
] as const;
const CELLS = CACHES.flatMap((cache) => (['uws', 'ws'] as const).map((engine) => ({ ...cache, engine })));

it('nginx is configured to wait for longer than a read does', async () => {
  const text = await readFile(new URL('../../deploy/nginx-cache.conf', import.meta.url), 'utf8');
  // Between two marks, and what a wait may go on behind one.
  const longestMs = LONGEST_WAIT_MS;
  for (const name of ['proxy_cache_lock_timeout', 'proxy_cache_lock_age', 'proxy_read_timeout']) {
    expect(Number(new RegExp(`${name} (\\d+)s;`).exec(text)?.[1]) * 1_000).toBeGreaterThan(longestMs);
  }
});

// Each cell has a node and a cache of its own, and its tests wait most of the time.
for (const { name, skipReason, start, engine } of CELLS) {
  describe.skipIf(skipReason !== undefined)(`${name} before the ${engine} engine`, { concurrent: true }, () => {
    describe.sequential(`as a cache ${skipReason ?? ''}`, () => {
      let node: TestNode;
      let cache: { readonly url: string; close(): Promise<void> };
      let ageMs: number;

      beforeEach(async () => {
        ageMs = 0;
        const broker = createMemoryBroker({ namespaces: new Namespaces(NAMESPACES), clock: () => Date.now() - ageMs });
        node = await startNode({
          engine,
          broker,
          namespaces: NAMESPACES,
          options: { trustedProxies: ['127.0.0.0/8'], publishKeys: [DELETES] },
        });
        cache = await start(node.url);
      });
      afterEach(async () => {
        await cache.close();
        await node.close();
      });

      const ask = (path: string, options: Parameters<typeof get>[2] = {}) =>
        get(cache.url, `/v1/channels/${path}`, options);
      const publish = (channel: string, data: string) => node.broker.publish({ channel, data });
      const waiting = () => node.node.stats().waitingPolls ?? -1;
      /** How many of the answers a node was asked for. */
      const asked = (answers: readonly GetAnswer[]) =>
        answers.filter(({ headers }) => ['MISS', 'EXPIRED', 'BYPASS'].includes(headers['x-cache'] ?? '')).length;
      const crowd = <T>(one: (n: number) => Promise<T>) => Promise.all(Array.from({ length: CROWD }, (_, n) => one(n)));

      it('makes one request of all who wait at one position, and hands all of them what comes', async () => {
        const tail = await publish('pub:x', '0');
        const answers = crowd(() => ask(`pub:x?offset=${tail}&live=long-poll&cursor=${tail.slice(0, 13)}`));
        await vi.waitFor(() => expect(waiting()).toBeGreaterThan(0), { timeout: 30_000 });
        const offset = await publish('pub:x', '1');
        const all = await answers;
        expect(new Set(all.map(({ text, headers }) => `${text} ${headers['stream-next-offset']}`))).toEqual(
          new Set([`[1] ${offset}`]),
        );
        // Those that came after the answer had aged for a second are another request.
        expect(asked(all)).toBeLessThanOrEqual(5);
      });

      if (name === 'nginx')
        it('makes one request of more than it can count', async () => {
          const tail = await publish('pub:x', '0');
          const path = `pub:x?offset=${tail}&live=long-poll&cursor=${tail.slice(0, 13)}`;
          const answers = Promise.all(Array.from({ length: UNCOUNTED }, () => ask(path)));
          await vi.waitFor(() => expect(waiting()).toBe(1), { timeout: 10_000 });
          // Behind those that came before: by now it has nearly all of them.
          for (let n = 0; n < 50; n++) await get(cache.url, '/');
          expect(waiting()).toBe(1);
          await publish('pub:x', '1');
          const missed = (await answers).filter(({ headers }) => headers['x-cache'] === 'MISS');
          expect(missed.length).toBe(1);
        });

      it('has one ask anew for what has aged, and hands it to all others meanwhile', async () => {
        const tail = await publish('pub:x', '0');
        await publish('pub:x', '1');
        const path = `pub:x?offset=${tail}&live=long-poll&cursor=${tail.slice(0, 13)}`;
        await ask(path);
        let round: readonly GetAnswer[] = [];
        do round = await crowd(() => ask(path));
        while (asked(round) === 0);
        expect(new Set(round.map(({ text }) => text))).toEqual(new Set(['[1]']));
        expect(asked(round)).toBeLessThanOrEqual(3);
      });

      it('hands an empty answer to all who wait on a silent channel, and it brings nobody back to where he was', async () => {
        // One whose waits end soon.
        const soon = Date.now() + 3_000;
        const names = Array.from({ length: 400 }, (_, n) => `pub:silent-${n}`);
        const channel = names.find((name) => Math.abs(nextMark(name, Date.now()) - soon) < 500) ?? '';
        const tail = await publish(channel, '0');
        const path = `${channel}?offset=${tail}&live=long-poll`;
        const first = await crowd(() => ask(`${path}&cursor=${tail.slice(0, 13)}`));
        const cursors = new Set(first.map(({ headers }) => headers['stream-cursor'] ?? ''));
        expect(new Set(first.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 []']));
        expect(cursors.size).toBe(1);
        expect(asked(first)).toBeLessThanOrEqual(3);
        const [cursor = ''] = cursors;
        expect(Number(cursor)).toBeGreaterThan(Number(tail.slice(0, 13)));
        // Whoever goes on waits again, together with all others: nobody gets the answer that he has had.
        const again = crowd(() => ask(`${path}&cursor=${cursor}`));
        await vi.waitFor(() => expect(waiting()).toBeGreaterThan(0), { timeout: 30_000 });
        expect(waiting()).toBeLessThanOrEqual(2);
        await publish(channel, '1');
        expect(new Set((await again).map(({ text }) => text))).toEqual(new Set(['[1]']));
      });

      it('keeps nothing for others of what is not public, nor what it was refused', async () => {
        await publish('secret', '1');
        const allowed = node.ticket('u1');
        const denied = node.ticket('u2', { subscribe: ['other'] });
        for (let round = 0; round < 3; round++) {
          const answers = [
            await ask('secret', { ticket: allowed }),
            await ask('secret', { ticket: denied }),
            await ask('secret'),
            await ask('pub:x?offset=1000000000000-0000000000000000'),
          ];
          expect(answers.map(({ status }) => status)).toEqual([200, 403, 401, 410]);
          expect(answers.map(({ headers }) => headers['x-cache'])).not.toContain('HIT');
        }
      });

      it.each([
        { what: 'what is not public', channel: 'secret', begin: undefined },
        { what: 'what comes from now on', channel: 'pub:x', begin: 'now' },
      ])('lets everybody wait by himself for $what', async ({ channel, begin }) => {
        const tail = await publish(channel, '0');
        const ticket = begin === undefined ? node.ticket() : undefined;
        const path = `${channel}?offset=${begin ?? tail}&live=long-poll`;
        const answers = Promise.all(Array.from({ length: 5 }, () => ask(path, { ticket })));
        // Nobody stands behind another, whose wait may last.
        await vi.waitFor(() => expect(waiting()).toBe(5), { timeout: 10_000 });
        await publish(channel, '1');
        expect((await answers).map(({ text }) => text)).toEqual(Array(5).fill('[1]'));
      });

      it('serves a cold start of many out of old pages that nodes were asked for once', async () => {
        ageMs = 120_000;
        for (let n = 0; n < 1_000; n++) await publish('pub:old', String(n));
        const all: GetAnswer[] = [];
        const read = async (n: number) => {
          const seen: unknown[] = [];
          for (
            let path: string | undefined = `/v1/channels/pub:old?last=${1_000 - (n % 10) * 50}`;
            path !== undefined;
          ) {
            const answer = await get(cache.url, path);
            all.push(answer);
            seen.push(...JSON.parse(answer.text));
            path = nextPage(path, answer);
          }
          return seen.length;
        };
        const counts = await crowd(read);
        for (const [n, count] of counts.entries()) expect(count).toBe(1_000 - (n % 10) * 50);
        expect(all.length).toBeGreaterThan(CROWD * 5);
        expect(asked(all)).toBeLessThan(all.length / 10);
      });

      it('lets streams through one by one, and each is told what comes', async () => {
        const streams = await Promise.all(
          Array.from({ length: 20 }, () => openEvents(cache.url, '/v1/channels/pub:x?offset=now&live=sse', {})),
        );
        for (const { events } of streams) await events.nextOf('control');
        await publish('pub:x', '7');
        for (const { events, close } of streams) {
          expect((await events.nextOf('data')).data).toBe('[7]');
          close();
        }
      });

      it('is no hindrance to a reader that takes another way at each step', async () => {
        const total = 80;
        const seen: number[] = [];
        let [position, cursor] = ['-1', ''];
        const publishing = (async () => {
          for (let n = 0; n < total; n++) await publish('pub:walk', String(n));
        })();
        for (let step = 0; seen.length < total; step++) {
          const base = step % 2 === 0 ? cache.url : node.url;
          const live = ['', '&live=long-poll', '&live=sse'][step % 3];
          if (live === '&live=sse') {
            const { events, close } = await openEvents(base, `/v1/channels/pub:walk?offset=${position}${live}`, {});
            const event = await events.nextOf('data', 'control');
            if (event.type === 'data') seen.push(...JSON.parse(event.data));
            position = event.id ?? position;
            close();
          } else {
            const { text, headers } = await get(base, `/v1/channels/pub:walk?offset=${position}${live}${cursor}`);
            seen.push(...JSON.parse(text));
            position = headers['stream-next-offset'] ?? '';
            cursor = `&cursor=${headers['stream-cursor']}`;
          }
        }
        await publishing;
        expect(seen).toEqual(Array.from({ length: total }, (_, n) => n));
      });

      it('hands out old pages of what was deleted until their time is over, and none that is mixed with what came after', {
        timeout: 60_000,
      }, async () => {
        ageMs = 120_000;
        for (let n = 0; n < 500; n++) await publish('brief:x', String(n));
        /** Every page from the beginning on, by its path; what lies behind the last that is there was lost. */
        const pages = async (from: string) => {
          const found = new Map<string, GetAnswer>();
          for (let path: string | undefined = `/v1/channels/${from}`; path !== undefined; ) {
            const answer = await get(cache.url, path);
            found.set(path, answer);
            path = answer.status === 200 ? nextPage(path, answer) : undefined;
          }
          return found;
        };
        const before = [...(await pages('brief:x'))];
        // No page has more than 192; where they end depends on offsets, which are others each time.
        expect(before.length).toBeGreaterThan(2);
        expect(before[1]?.[1].headers['cache-control']).toBe(`public, max-age=${BRIEFLY_MS / 1_000}`);
        const { status } = await get(node.url, '/v1/channels/brief:x', { method: 'DELETE', ticket: DELETES.key });
        const answeredMs = performance.now();
        expect(status).toBe(204);
        ageMs = 0;
        for (let n = 0; n < 20; n++) await publish('brief:x', '"new"');
        const known = new Map(before.map(([path, { text }]) => [path, text]));
        const paths = before.map(([path]) => path.slice('/v1/channels/'.length)).slice(1);
        for (let isOver = false; !isOver; ) {
          isOver = performance.now() > answeredMs + BRIEFLY_MS + SECOND_MS;
          const found = (await Promise.all(paths.map(pages))).flatMap((map) => [...map]);
          // Whole as it was, or gone; whoever follows old pages never comes to a new one but behind a gap.
          for (const [path, { status, text }] of found) {
            if (status === 200) expect([path, text]).toEqual([path, known.get(path)]);
            else expect([path, status, JSON.parse(text).code]).toEqual([path, 410, 'offset_unknown']);
          }
          if (isOver) expect(found.filter(([, { status }]) => status === 200)).toEqual([]);
        }
        const after = await pages('brief:x');
        expect([...after.values()].flatMap(({ text }) => JSON.parse(text))).toEqual(Array(20).fill('new'));
      });
    });
  });
}
