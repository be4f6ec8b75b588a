// Polls and a drain: whoever polls is told to move before the node closes, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryRegistry } from '../../src/cluster/memory-registry.js';
import type { PollResponse } from '../../src/protocol/index.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('while a node on the %s engine drains', (engine) => {
  let node: TestNode | undefined;
  afterEach(() => node?.close());

  /** A node that has others to move to, as far as it knows. */
  async function member(): Promise<TestNode> {
    node = await startNode({ engine, parts: { registry: createMemoryRegistry() } });
    return node;
  }

  async function poll({ url }: TestNode, ticket: string, after: string, waitMs = 0) {
    const response = await fetch(`${url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { news: after }, waitMs }),
    });
    const answer: PollResponse = response.status === 200 ? ((await response.json()) as PollResponse) : { channels: {} };
    return { status: response.status, move: response.headers.get('fanfare-move'), news: answer.channels.news };
  }

  it('every poll is answered at once with Fanfare-Move: short or long, with messages or without', async () => {
    const one = await member();
    const staying = new SocketClient(one.url);
    staying.connect(one.ticket('staying'));
    await staying.events.nextOf('connected');
    const tail = await one.broker.publish({ channel: 'news', data: '1' });
    const drained = one.node.drain();
    await staying.events.nextOf('move');
    for (const waitMs of [0, 30_000]) {
      expect(await poll(one, one.ticket(), tail, waitMs)).toEqual({ status: 204, move: '1', news: undefined });
      expect(await poll(one, one.ticket(), '-1', waitMs)).toMatchObject({
        ...{ status: 200, move: '1', news: { offset: tail, messages: [{ data: 1 }] } },
      });
    }
    staying.close();
    await drained;
  });

  it('it waits for those who polled lately, and goes on when they have been told', async () => {
    const one = await member();
    const tickets = [one.ticket('u1'), one.ticket('u2')];
    for (const ticket of tickets) expect(await poll(one, ticket, 'now')).toMatchObject({ status: 200, move: null });
    let isOver = false;
    const drained = one.node.drain().then(() => {
      isOver = true;
    });
    await expect.poll(() => one.node.checks()[0]?.detail).toBe('draining');
    for (const ticket of tickets) {
      expect(isOver).toBe(false);
      expect((await poll(one, ticket, 'now')).move).toBe('1');
    }
    await drained;
  });

  it('a poll that comes on an open connection after its end is refused or told to move, and never waits', async () => {
    const one = await member();
    expect((await poll(one, one.ticket(), 'now')).status).toBe(200);
    const closed = one.node.close();
    const late = poll(one, one.ticket(), '-1', 30_000).catch(() => undefined);
    await closed;
    expect((await late)?.move ?? '1').toBe('1');
  });
});
