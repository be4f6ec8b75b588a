// What caches may keep of a channel's own URL: old pages are cut at fixed offsets, and are the same whoever asks for them.

import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { type NamespaceOptions, Namespaces } from '../../src/config/namespaces.js';
import { lastMark } from '../../src/node/transports/live-cursor.js';
import { type GetAnswer, get, nextPage } from '../support/http-get.js';
import { startNode, type TestNode } from '../support/push-node.js';

const MESSAGES = 900;
const OLD_MS = 120_000;
const NAMESPACE: Partial<NamespaceOptions> = { public: true, historySize: 2_000 };

describe.each(['uws', 'ws'] as const)('caches of a channel on the %s engine', (engine) => {
  let node: TestNode;
  let offsets: string[];

  /** Messages that were published so long ago. */
  async function start(ageMs: number, options: Partial<NamespaceOptions> = {}, messages = MESSAGES): Promise<void> {
    const configured = { pub: { ...NAMESPACE, ...options } };
    const namespaces = new Namespaces(configured);
    const broker = createMemoryBroker({ namespaces, clock: () => Date.now() - ageMs });
    node = await startNode({ engine, broker, namespaces: configured });
    offsets = [];
    for (let n = 0; n < messages; n++) offsets.push(await broker.publish({ channel: 'pub:x', data: String(n) }));
  }
  afterEach(() => node?.close());

  const maxAge = ({ headers }: GetAnswer) =>
    Number(/^public, max-age=(\d+)(, stale-while-revalidate=1)?$/.exec(headers['cache-control'] ?? '')?.[1]);

  /** Reads to the end; answers every page by its path. */
  async function walk(query: string): Promise<ReadonlyMap<string, GetAnswer>> {
    const pages = new Map<string, GetAnswer>();
    for (let path: string | undefined = `/v1/channels/pub:x${query}`; path !== undefined; ) {
      const answer = await get(node.url, path);
      expect(answer.status).toBe(200);
      pages.set(path, answer);
      path = nextPage(path, answer);
    }
    return pages;
  }

  const itemsOf = (pages: ReadonlyMap<string, GetAnswer>) =>
    [...pages.values()].flatMap(({ text }) => JSON.parse(text));

  it('are asked for the same pages wherever readers begin', async () => {
    await start(OLD_MS);
    const whole = await walk('');
    expect(itemsOf(whole)).toEqual(Array.from({ length: MESSAGES }, (_, n) => n));
    expect(whole.size).toBeGreaterThan(4);
    let met = 0;
    for (const from of [0, 1, 17, 130, 400]) {
      const part = await walk(`?offset=${offsets[from]}`);
      expect(itemsOf(part)).toEqual(Array.from({ length: MESSAGES - from - 1 }, (_, n) => n + from + 1));
      const shared = [...part].filter(([path]) => whole.has(path));
      for (const [path, { text, headers }] of shared) {
        expect([whole.get(path)?.text, whole.get(path)?.headers.etag]).toEqual([text, headers.etag]);
      }
      // Where many messages have no end of a page among them, a reader may go on alone until the next; who has met the others stays with them.
      const isKnown = [...part.keys()].map((path) => whole.has(path));
      expect(isKnown.slice(0, isKnown.lastIndexOf(false) + 1)).not.toContain(true);
      met += shared.length;
    }
    expect(met).toBeGreaterThan(0);
  });

  it('keep a page that has settled for a while, and every other for a second', async () => {
    await start(OLD_MS);
    const pages = [...(await walk(''))];
    const kept = pages.slice(1, -1);
    expect(kept.length).toBeGreaterThan(2);
    for (const [, page] of kept) {
      expect(maxAge(page)).toBe(300);
      expect(page.headers['stream-up-to-date']).toBeUndefined();
    }
    for (const [, page] of [pages.at(0), pages.at(-1)].flatMap((entry) => (entry ? [entry] : []))) {
      expect(maxAge(page)).toBe(1);
    }
  });

  it('are given the same page after more has come', async () => {
    await start(OLD_MS);
    const before = [...(await walk(''))].slice(1, -1);
    for (let n = 0; n < 50; n++) await node.broker.publish({ channel: 'pub:x', data: '"new"' });
    for (const [path, { text, headers }] of before) {
      const again = await get(node.url, path);
      expect([again.text, again.headers.etag, again.headers.link]).toEqual([text, headers.etag, headers.link]);
    }
  });

  it('keep nothing for longer than its messages live, nor than the namespace allows', async () => {
    await start(570_000, { cacheMaxAgeMs: 3_600_000 });
    for (const [, page] of [...(await walk(''))].slice(1, -1)) expect(maxAge(page)).toBeLessThanOrEqual(30);
    await node.close();
    await start(OLD_MS, { cacheMaxAgeMs: 0 });
    for (const [, page] of await walk('')) expect(maxAge(page)).toBe(1);
  });

  it('have who comes to the tail wait with all who wait there', async () => {
    await start(OLD_MS, {}, 5);
    const mark = () => String(lastMark('pub:x', Date.now()));
    const before = mark();
    const answers = [
      await get(node.url, '/v1/channels/pub:x?last=1'),
      await get(node.url, `/v1/channels/pub:x?offset=${offsets[2]}`),
      await get(node.url, `/v1/channels/pub:x?offset=${offsets[1]}&live=long-poll`),
    ];
    for (const { headers } of answers) expect([before, mark()]).toContain(headers['stream-cursor']);
  });

  it('keep no page of what a failover may still lose', async () => {
    await start(50_000);
    for (const [, page] of await walk('')) expect(maxAge(page)).toBe(1);
  });

  it('keep no page of a channel that is not public', async () => {
    await start(OLD_MS, { public: false }, 300);
    const { headers } = await get(node.url, `/v1/channels/pub:x?offset=${offsets[0]}`, { ticket: node.ticket() });
    expect(headers['cache-control']).toBe('private, no-cache');
  });
});
