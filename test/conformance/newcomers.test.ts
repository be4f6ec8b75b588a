// WebSockets that have shown no ticket: no load, in nobody's way, and the oldest goes first; on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

/** Of a node with 100 places. */
const MOST = 128;

describe.each(['uws', 'ws'] as const)('newcomers of a node on %s', (engine) => {
  let node: TestNode;
  const clients: SocketClient[] = [];
  const opened = async (): Promise<SocketClient> => {
    const client = new SocketClient(node.url);
    clients.push(client);
    await new Promise((resolve) => client.socket.once('open', resolve));
    return client;
  };
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await node.close();
  });

  it('take no place of a client, are no load, and leave oldest first', async () => {
    node = await startNode({ engine, options: { maxConnections: 100, handshakeTimeoutMs: 60_000 } });
    const silent: SocketClient[] = [];
    for (let n = 0; n < MOST; n++) silent.push(await opened());
    const welcome = await opened();
    expect(await silent[0]?.events.next()).toMatchObject({ type: 'closed', code: 4001 });
    welcome.connect(node.ticket());
    expect(await welcome.events.next()).toMatchObject({ type: 'connected' });
    expect(node.node.stats()).toMatchObject({ connections: 1, sockets: 1, newcomers: MOST - 1 });
    await opened();
    await opened();
    expect(await silent[1]?.events.next()).toMatchObject({ type: 'closed', code: 4001 });
    expect(silent.slice(2).every((client) => client.events.size === 0)).toBe(true);
  });

  it('learn from a full node that it is full, once they have shown their tickets', async () => {
    node = await startNode({ engine, options: { maxConnections: 1 } });
    const [first, second] = [await opened(), await opened()];
    first.connect(node.ticket());
    await first.events.nextOf('connected');
    second.connect(node.ticket());
    expect(await second.events.next()).toMatchObject({ type: 'error', id: 1, code: 'overloaded' });
    expect(await second.events.next()).toMatchObject({ type: 'closed', code: 4001 });
    expect(node.node.stats()).toMatchObject({ connections: 1, refused: 1, newcomers: 0 });
  });

  it('are told when the node goes away', async () => {
    node = await startNode({ engine });
    const client = await opened();
    await node.close();
    expect(await client.events.next()).toMatchObject({ type: 'closed', code: 4000 });
  });
});
