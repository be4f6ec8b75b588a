// Streams whose body comes after their head: what was asked before it is asked again.

import { afterEach, describe, expect, it } from 'vitest';
import { Peer } from '../support/engine-peer.js';
import { startNode, type TestNode } from '../support/push-node.js';

const BODY = JSON.stringify({ channels: { news: 'now' } });

describe.each(['uws', 'ws'] as const)('streams whose body comes late, on the %s engine', (engine) => {
  let node: TestNode;
  const peers: Peer[] = [];
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.reset();
    await node.close();
  });

  /** Of as many users, each read up to its body. */
  async function heads(count: number): Promise<readonly Peer[]> {
    for (let n = 0; n < count; n++) {
      const peer = await Peer.connect(Number(new URL(node.url).port));
      const lines = ['Host: localhost', `Authorization: Bearer ${node.ticket(`u${n}`)}`];
      lines.push('Content-Type: application/json', `Content-Length: ${BODY.length}`, '', '');
      peer.write(`POST /v1/stream HTTP/1.1\r\n${lines.join('\r\n')}`, BODY.slice(0, 1));
      peers.push(peer);
    }
    // Each of them has been read before this is answered.
    await fetch(`${node.url}/livez`);
    return peers;
  }
  const statuses = (of: readonly Peer[]) =>
    Promise.all(of.map(async (peer) => (await peer.until((text) => text.includes('\r\n\r\n'))).slice(9, 12)));

  it('are no more than there is room for', async () => {
    node = await startNode({ engine, options: { maxConnections: 2 } });
    const all = await heads(5);
    for (const peer of all) peer.write(BODY.slice(1));
    expect((await statuses(all)).toSorted()).toEqual(['200', '200', '503', '503', '503']);
    expect(node.node.stats().connections).toBe(2);
  });
});
