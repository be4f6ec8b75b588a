// What `history` resolves with, and when it gives up.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { subscribeToNews } from './fakes/socket-server.js';
import { offset, World } from './fakes/world.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

describe('`history`', () => {
  it('is what is kept, without a subscription', async () => {
    const history = world.client.history('news', { after: offset(1) });
    await (await world.network.sockets.next()).accept();
    const request = await world.network.request('/v1/poll');
    expect(request.token).toBe('t1');
    expect(request.body).toMatchObject({ channels: { news: offset(1) }, waitMs: 0 });
    const gap = { after: offset(1), offset: offset(3), reason: 'trimmed' };
    const messages = [{ offset: offset(4), data: 4, from: { connection: 'c-s', user: 'u1' } }];
    request.answer(200, { channels: { news: { offset: offset(4), messages, gap, more: true } } });
    expect(await history).toEqual({
      messages: [{ ...messages[0], type: 'message', channel: 'news', time: 1_795_342_704_012, isOwn: true }],
      gap: { type: 'gap', channel: 'news', ...gap },
      offset: offset(4),
      more: true,
    });
  });

  it('begins at the start, and stays there where nothing is kept', async () => {
    const history = world.client.history('news');
    await (await world.network.sockets.next()).accept();
    const request = await world.network.request('/v1/poll');
    expect(request.body).toMatchObject({ channels: { news: '-1' } });
    request.answer(204);
    expect(await history).toEqual({ messages: [], gap: undefined, offset: '-1', more: false });
  });

  it('rejects with a code', async () => {
    await subscribeToNews(world);
    const refused = world.client.history('news');
    (await world.network.request('/v1/poll')).refuse(403, 'forbidden_channel');
    await expect(refused).rejects.toMatchObject({ name: 'FanfareError', code: 'forbidden_channel' });
    const lost = world.client.history('news');
    (await world.network.request('/v1/poll')).fail();
    await expect(lost).rejects.toMatchObject({ code: 'network', cause: expect.any(TypeError) });
    const cut = world.client.history('news');
    const request = await world.network.request('/v1/poll');
    world.client.close();
    expect(request.aborted).toBe(true);
    await expect(cut).rejects.toMatchObject({ code: 'closed' });
    await expect(world.client.history('news')).rejects.toMatchObject({ code: 'closed' });
    expect(() => world.client.history('a b')).toThrow(/^bad channel/);
  });

  it('gives up where there is no connection for half a minute', async () => {
    world.network.discovery = (request) => request.fail();
    const ready = world.client.ready();
    const history = world.client.history('news').catch((error) => error);
    await world.clock.advance(29_999);
    expect(await Promise.race([history, 'waits'])).toBe('waits');
    await world.clock.advance(1);
    expect(await history).toMatchObject({ code: 'timeout', message: 'news: timeout' });
    world.client.close();
    await expect(ready).rejects.toMatchObject({ code: 'closed' });
  });

  it('gives up, as `ready` does, where its client is closed, whoever opens it again at once', async () => {
    world.network.discovery = (request) => request.fail();
    const { subscription } = world.subscribe('news');
    subscription.on('state', ({ type }) => type === 'closed' && world.client.connect());
    const ready = expect(world.client.ready()).rejects.toMatchObject({ code: 'closed' });
    const history = expect(world.client.history('news')).rejects.toMatchObject({ code: 'closed' });
    world.client.close();
    expect(world.client.state.type).toBe('connecting');
    await Promise.all([ready, history]);
  });

  it('gives up an answer of which a proxy hands on a byte now and then', async () => {
    await subscribeToNews(world);
    const history = world.client.history('news').catch((error) => error);
    const request = await world.network.request('/v1/poll');
    request.stream();
    for (let s = 0; s < 120; s += 5) {
      expect(request.aborted).toBe(false);
      request.write(' ');
      await world.clock.advance(5_000);
    }
    expect(await Promise.race([history, 'waits'])).toMatchObject({ code: 'timeout' });
  });
});
