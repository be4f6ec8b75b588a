// What a short poll pays for channels that nobody has open, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { post } from '../support/http-post.js';
import { startNode, type TestNode } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('a short poll at a node on %s', (engine) => {
  let node: TestNode;
  afterEach(() => node.close());

  const poll = (ticket: string, channels: Record<string, string>) =>
    post(`${node.url}/v1/poll`, { channels }, { ticket });

  it('opens no channel where it goes on from where it was, and pays for those of which it names a position that is not good', async () => {
    node = await startNode({ engine, openingRate: { perSecond: 0.001, burst: 4 } });
    const names = Array.from({ length: 8 }, (_, n) => `s${n}`);
    for (const channel of names) await node.broker.publish({ channel, data: '1' });
    const ticket = node.ticket();
    const first = await poll(ticket, Object.fromEntries(names.map((name) => [name, '-1'])));
    const channels = Object.entries(first.body.channels as Record<string, { offset: string }>);
    const known = Object.fromEntries(channels.map(([name, { offset }]) => [name, offset]));
    const statuses = [first.status];
    for (let n = 0; n < 3; n++) statuses.push((await poll(ticket, known)).status);
    expect([channels.length, statuses]).toEqual([8, [200, 204, 204, 204]]);

    const foreign = Object.fromEntries(names.map((name) => [`not-${name}`, '9999999999999-0000000000000001']));
    expect((await poll(ticket, foreign)).status).toBe(200);
    const refused = await poll(ticket, known);
    expect([refused.status, refused.headers.ratelimit]).toEqual([429, expect.stringMatching(/^"openings"/)]);
  });
});
