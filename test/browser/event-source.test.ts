// A public channel in the EventSource of each browser: a page of any origin follows it, and comes back by itself to where it was.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CuttableLink } from '../integration/sdk-cluster.js';
import { eventually } from '../support/eventually.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { ENGINES, type Engine, type EngineName, type Tab } from './engines.js';

const BROWSERS: readonly EngineName[] = ['chromium', 'firefox', 'webkit'];
const NAMESPACES = { default: {}, pub: { public: true, historySize: 3 } };
/** A browser that was cut off waits for a second, and some a little longer. */
const WITHIN_MS = 20_000;
const PAGE = `<!DOCTYPE html><title>EventSource</title><script>
const known = { data: [], codes: [], opened: 0, state: 0 };
const source = new EventSource(new URLSearchParams(location.search).get('from'));
source.onopen = () => known.opened++;
source.addEventListener('data', (event) => known.data.push(...JSON.parse(event.data)));
source.addEventListener('control', (event) => {
  const { code } = JSON.parse(event.data);
  if (code) known.codes.push(code);
});
globalThis.scenario = { look: () => ({ ...known, state: source.readyState }) };
</script>`;

/** What the page knows. */
interface Known {
  readonly data: readonly number[];
  readonly codes: readonly string[];
  readonly opened: number;
  readonly state: number;
}

describe.each(BROWSERS)('the EventSource of %s', (name) => {
  const { skipReason, start } = ENGINES[name];
  let engine: Engine;
  let pages: Server;
  let node: TestNode;
  let link: CuttableLink;
  let tab: Tab | undefined;

  beforeAll(async () => {
    if (skipReason === undefined) engine = await start('');
    pages = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE));
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await engine?.close();
    pages.closeAllConnections();
    await new Promise((resolve) => pages.close(resolve));
  });
  beforeEach(async () => {
    node = await startNode({ engine: name === 'firefox' ? 'ws' : 'uws', namespaces: NAMESPACES });
    link = new CuttableLink(Number(new URL(node.url).port));
  });
  afterEach(async () => {
    await tab?.close();
    tab = undefined;
    await link.close();
    await node.close();
  });

  const publish = async (...numbers: readonly number[]) => {
    for (const n of numbers) await node.broker.publish({ channel: 'pub:x', data: String(n) });
  };
  const look = async () => (await tab?.look()) as unknown as Known | undefined;
  const has = (data: readonly number[]) =>
    eventually(async () => {
      const known = await look();
      return JSON.stringify(known?.data) === JSON.stringify(data) || JSON.stringify(known);
    }, WITHIN_MS);
  const streams = (count: number) =>
    eventually(async () => node.node.stats().streams === count || `${node.node.stats().streams} streams`, WITHIN_MS);

  it.skipIf(skipReason !== undefined)(
    `follows it, comes back to where it was, and hears what is gone ${skipReason ?? ''}`,
    { timeout: 90_000 },
    async () => {
      await publish(0, 1);
      const from = encodeURIComponent(`${await link.listen()}/v1/channels/pub:x?offset=-1&live=sse`);
      const { port } = pages.address() as AddressInfo;
      tab = await engine.open(`http://127.0.0.1:${port}/`, `?from=${from}`);
      await has([0, 1]);
      await publish(2);
      await has([0, 1, 2]);
      link.cut();
      await streams(0);
      await publish(3, 4);
      await has([0, 1, 2, 3, 4]);
      link.cut();
      await streams(0);
      // More than the channel keeps: it is told so inside of an answer, since any status would be the end of it.
      await publish(5, 6, 7, 8, 9, 10);
      await has([0, 1, 2, 3, 4, 8, 9, 10]);
      const known = await look();
      expect(known?.codes).toEqual(['offset_trimmed']);
      expect(known?.opened).toBeGreaterThanOrEqual(3);
      expect(known?.state).toBe(1);
    },
  );
});
