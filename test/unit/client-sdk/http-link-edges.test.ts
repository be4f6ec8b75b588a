// Links by HTTP at their edges: streams and polls that are superseded, refused or answered oddly, publishes, and no channel at all.

import { afterEach, describe, expect, it } from 'vitest';
import type { ServerEvent } from '../../../src/protocol/index.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { news, polling } from './fakes/polling.js';
import { leavePage, offset, showPage, World } from './fakes/world.js';

let world: World;
afterEach(async () => {
  await world.end();
  leavePage();
});
const settle = () => world.clock.advance(0);
const ready = (n: number, channel = 'news') =>
  ({ type: 'subscribed', channel, offset: offset(n), recovered: true }) as const;
const message = (n: number, channel = 'news') => ({ type: 'message', channel, offset: offset(n), data: n }) as const;

async function send(stream: FakeRequest, ...events: object[]) {
  for (const event of events) stream.event(event as ServerEvent);
  await settle();
}

async function next(...events: object[]): Promise<FakeRequest> {
  const stream = await world.network.request('/v1/stream');
  stream.stream();
  await send(stream, ...events);
  return stream;
}

/** A client with a stream for `news`, at 1. */
async function streaming() {
  world = new World({ transports: ['sse'] });
  const listening = world.subscribe('news');
  return { listening, stream: await next(ready(1)) };
}

describe('a stream', () => {
  it('that has answered for nothing yet is dropped at once for one that asks for more', async () => {
    world = new World({ transports: ['sse'] });
    world.subscribe('a');
    const first = await next();
    world.subscribe('b');
    const second = await world.network.request('/v1/stream');
    expect([first.aborted, second.aborted]).toEqual([true, false]);
  });

  it('that fails while the one before it lives is asked for again in a while, and no link is lost', async () => {
    const { listening, stream } = await streaming();
    world.subscribe('more');
    (await world.network.request('/v1/stream')).fail();
    await settle();
    expect(world.errors).toMatchObject([{ code: 'network' }]);
    await world.clock.advance(999);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await send(stream, message(2));
    await world.clock.advance(1);
    const again = await next(ready(2), ready(1, 'more'));
    expect([stream.aborted, again.aborted, listening.data]).toEqual([true, false, [2]]);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('that ends while a newer one takes over takes nothing with it', async () => {
    const { listening, stream } = await streaming();
    world.subscribe('more');
    const second = await next();
    stream.end();
    await settle();
    expect([world.errors, world.stateTypes]).toEqual([[], ['connecting', 'connected']]);
    await send(second, ready(1), ready(1, 'more'), message(2));
    expect(listening.data).toEqual([2]);
  });

  it('that is refused for good ends the link though the one before it lives', async () => {
    const { stream } = await streaming();
    world.subscribe('more');
    (await world.network.request('/v1/stream')).refuse(401, 'revoked');
    await settle();
    expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
    expect(stream.aborted).toBe(true);
  });

  it('says nothing about channels that it was not asked for, and one that is left is no refusal', async () => {
    const { listening, stream } = await streaming();
    await send(
      stream,
      { type: 'error', channel: 'other', code: 'forbidden_channel', message: 'no' },
      { type: 'unsubscribed', channel: 'other', code: 'forbidden_channel' },
      { type: 'unsubscribed', channel: 'news' },
      message(9, 'other'),
      message(2),
    );
    expect(listening.data).toEqual([2]);
    expect([world.errors, stream.aborted]).toEqual([[], false]);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('is opened anew for a page that nobody sees, with a slower heartbeat, and again for one that is seen', async () => {
    const { stream } = await streaming();
    showPage(true);
    const quiet = await next(ready(1));
    expect(quiet.body).toMatchObject({ heartbeatMs: 25_000 });
    expect(stream.aborted).toBe(true);
    showPage(false);
    const loud = await next(ready(1));
    expect('heartbeatMs' in loud.body).toBe(false);
    expect(quiet.aborted).toBe(true);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
  });

  it('reads on behind what is no event', async () => {
    const { listening, stream } = await streaming();
    stream.write('data: no JSON\n\ndata: 5\n\ndata: null\n\n: a comment\n\n');
    await send(stream, message(2));
    expect([listening.data, world.errors, stream.aborted]).toEqual([[2], [], false]);
  });

  it('of a node that says another heartbeat later is given that much silence', async () => {
    const { stream } = await streaming();
    await send(stream, { type: 'connected', node: 'n1', heartbeatMs: 20_000 });
    await world.clock.advance(20_999);
    expect(world.network.waiting('/v1/stream')).toEqual([]);
    await world.clock.advance(1);
    await world.network.request('/v1/stream');
  });
});

describe('without a channel', () => {
  it.each(['sse', 'long-poll', 'short-poll'] as const)(
    'a link over %s asks nothing, and is not lost',
    async (transport) => {
      world = new World({ transports: [transport] });
      const { subscription } = world.subscribe('news');
      subscription.unsubscribe();
      await world.clock.advance(120_000);
      expect(world.stateTypes).toEqual(['connecting', 'connected']);
      expect([...world.network.waiting('/v1/stream'), ...world.network.waiting('/v1/poll')]).toEqual([]);
      world.subscribe('news');
      await world.network.request(transport === 'sse' ? '/v1/stream' : '/v1/poll');
    },
  );
});

describe('a long poll', () => {
  it('is not asked anew since nobody sees the page', async () => {
    world = new World({ transports: ['long-poll'] });
    await polling(world);
    await world.network.request('/v1/poll');
    showPage(true);
    await settle();
    expect(world.network.waiting('/v1/poll')).toEqual([]);
  });

  it('that is answered for what it has been replaced for is heard no more', async () => {
    world = new World({ transports: ['long-poll'] });
    const listening = await polling(world);
    const waiting = await world.network.request('/v1/poll');
    world.subscribe('more');
    const both = { ...news(1).channels, more: { offset: offset(1), messages: [] } };
    (await world.network.request('/v1/poll')).answer(200, { channels: both });
    await settle();
    waiting.answer(200, news(2, [2]));
    await settle();
    expect([waiting.aborted, listening.data]).toEqual([true, []]);
  });
});

describe.each(['sse', 'long-poll', 'short-poll'] as const)('what is over leaves no timer over %s', (transport) => {
  async function connected(): Promise<number> {
    world = new World({ transports: [transport] });
    if (transport === 'sse') {
      world.subscribe('news');
      await next(ready(1));
    } else await polling(world);
    return world.clock.pending;
  }

  it.each([
    ['answered', (request: FakeRequest) => request.answer(200, { channel: 'a', offset: offset(1) })],
    ['refused', (request: FakeRequest) => request.refuse(403, 'forbidden')],
  ])('a publish that is %s', async (_what, answer) => {
    const before = await connected();
    const published = world.client.publish('a', 1).catch(({ code }) => code);
    const request = await world.network.request('/v1/publish');
    expect(world.clock.pending).toBe(before + 2);
    answer(request);
    await published;
    await settle();
    expect(world.clock.pending).toBe(before);
  });

  it('a publish that somebody in between answers, which is repeated', async () => {
    const before = await connected();
    const published = world.client.publish('a', 1);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a' });
    await settle();
    expect(world.clock.pending).toBe(before + 2);
    await world.clock.advance(1_000);
    (await world.network.request('/v1/publish')).answer(200, { channel: 'a', offset: offset(1) });
    expect(await published).toEqual({ offset: offset(1) });
    await settle();
    expect(world.clock.pending).toBeLessThanOrEqual(before);
  });

  it('a history that is given, and one that is refused', async () => {
    const before = await connected();
    for (const end of ['answer', 'refuse'] as const) {
      const history = world.client.history('a').catch(({ code }) => code);
      await settle();
      const request = world.network
        .waiting('/v1/poll')
        .find(({ body }) => Object.keys(body.channels as object)[0] === 'a');
      expect(world.clock.pending).toBe(before + 1);
      if (end === 'answer') request?.answer(204);
      else request?.refuse(403, 'forbidden_channel');
      await history;
      world.network.waiting('/v1/poll').indexOf(request as FakeRequest);
      await settle();
      expect(world.clock.pending).toBe(before);
      if (transport === 'sse') await world.network.request('/v1/poll');
      else return;
    }
  });

  it('a channel that comes and goes', async () => {
    const before = await connected();
    const { subscription } = world.subscribe('more');
    await settle();
    subscription.unsubscribe();
    await settle();
    expect(world.clock.pending).toBeLessThanOrEqual(before + 1);
  });
});
