// Limits of clients that come by HTTP, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { testLimits } from '../support/limits.js';
import { startNode, type TestNode } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('HTTP limits on the %s engine', (engine) => {
  let node: TestNode | undefined;
  afterEach(() => node?.close());

  const post = (path: string, ticket: string, body: unknown) =>
    fetch(`${node?.url}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('answers 429 with what a client needs to wait, for polls, and takes them again after that', async () => {
    node = await startNode({ engine, pollRate: { perSecond: 1, burst: 1 } });
    const ticket = node.ticket();
    const poll = { channels: { news: 'now' }, waitMs: 0 };
    // The second, unless more than a second has passed between them.
    let refused: Response;
    do refused = await post('/v1/poll', ticket, poll);
    while (refused.status === 200);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('ratelimit')).toMatch(/^"polls";r=0;t=1$/);
    expect(refused.headers.get('ratelimit-policy')).toMatch(/^"polls";q=\d+;w=\d+$/);
    const problem = (await refused.json()) as { code: string; retryAfterMs: number };
    expect(problem.code).toBe('rate_limited');
    const again = async () => (await post('/v1/poll', ticket, poll)).status;
    await expect.poll(again, { interval: problem.retryAfterMs }).toBe(200);
  });

  it('lets windows end when the clock says, so that all processes agree on them', async () => {
    const windowMs = 3_600_000;
    const config = { algorithm: 'fixed-window', limit: 1, windowMs } as const;
    const rate = { perSecond: 100, burst: 100 };
    const limits = testLimits({ commands: rate, publishes: rate, polls: rate });
    node = await startNode({
      engine,
      options: { limits: { ...limits, polls: { name: 'polls', by: ['ticket'], config } } },
    });
    const ticket = node.ticket();
    let answer: Response;
    do answer = await post('/v1/poll', ticket, { channels: { news: 'now' } });
    while (answer.status === 200);
    const { retryAfterMs } = (await answer.json()) as { retryAfterMs: number };
    const offBy = (Date.now() + retryAfterMs) % windowMs;
    expect(Math.min(offBy, windowMs - offBy)).toBeLessThan(5_000);
  });

  it('ends a waiting poll when the same connection polls anew', async () => {
    node = await startNode({ engine });
    const ticket = node.ticket();
    const start = (await (await post('/v1/poll', ticket, { channels: { news: 'now' } })).json()) as {
      channels: { news: { offset: string } };
    };
    const poll = { channels: { news: start.channels.news.offset }, waitMs: 30_000 };
    const older = post('/v1/poll', ticket, poll);
    while (node.node.stats().waitingPolls !== 1) await new Promise((resolve) => setImmediate(resolve));
    const newer = post('/v1/poll', ticket, poll);
    expect((await older).status).toBe(204);
    await node.broker.publish({ channel: 'news', data: '1' });
    expect((await newer).status).toBe(200);
  });

  it('ends a waiting poll with 401 when its ticket expires', async () => {
    node = await startNode({ engine });
    const ticket = node.ticket('u1', {}, 1_200);
    const start = (await (await post('/v1/poll', ticket, { channels: { news: 'now' } })).json()) as {
      channels: { news: { offset: string } };
    };
    const answer = await post('/v1/poll', ticket, { channels: { news: start.channels.news.offset }, waitMs: 30_000 });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'token_expired' });
  });

  it('ends waiting polls with Fanfare-Move when the node drains', async () => {
    node = await startNode({ engine });
    const ticket = node.ticket();
    const start = (await (await post('/v1/poll', ticket, { channels: { news: 'now' } })).json()) as {
      channels: { news: { offset: string } };
    };
    const waiting = post('/v1/poll', ticket, { channels: { news: start.channels.news.offset }, waitMs: 30_000 });
    while (node.node.stats().waitingPolls !== 1) await new Promise((resolve) => setImmediate(resolve));
    void node.node.drain();
    const answer = await waiting;
    expect(answer.status).toBe(204);
    expect(answer.headers.get('fanfare-move')).toBe('1');
  });
});
