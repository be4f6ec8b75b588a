// A stream whose peer vanishes without a word: its cable is pulled, and the node notices; on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { openStream } from '../support/feed.js';
import { canMakeNamespaces, NetworkNamespace } from '../support/network-namespace.js';
import { startNode, type TestNode } from '../support/push-node.js';

const WITHIN_MS = 80_000;
const DEAD = 3;

const ENGINES = [
  ['uws', 1],
  ['ws', 2],
] as const;

describe.skipIf(!canMakeNamespaces())('with a network of its own (needs root)', () => {
  describe.concurrent.each(ENGINES)('a dead stream of the %s engine', (engine, number) => {
    let node: TestNode;
    let network: NetworkNamespace;
    afterEach(async () => {
      await network.close();
      await node.close();
    });

    it('is found while TCP still hopes, and counts no more; others stay', async () => {
      node = await startNode({ engine, options: { host: '0.0.0.0', heartbeatMs: 2_000 } });
      network = new NetworkNamespace(number);
      const { port } = new URL(node.url);
      const alive = openStream({ url: node.url, ticket: node.ticket() }, { news: 'now' });
      await alive.events.nextOf('subscribed');
      for (let n = 0; n < DEAD; n++) {
        const headers = ['-H', 'Content-Type: application/json', '-H', `Authorization: Bearer ${node.ticket()}`];
        const url = `http://${network.hostAddress}:${port}/v1/stream`;
        network.run('curl', ['-sN', '-X', 'POST', ...headers, '-d', '{"channels":{"news":"now"}}', url]);
      }
      const streams = () => node.node.stats().streams;
      await eventually(async () => streams() === DEAD + 1 || `${streams()} streams`, 10_000);
      network.pullCable();
      await eventually(async () => streams() === 1 || `${streams()} streams`, WITHIN_MS);
      expect(node.node.stats()).toMatchObject({ deadStreams: DEAD, streams: 1 });
      await node.broker.publish({ channel: 'news', data: '"still here"' });
      expect(await alive.events.nextOf('message', 'closed')).toMatchObject({ data: 'still here' });
      alive.close();
    }, 120_000);
  });
});
