// The SDK over a WebSocket: what a node or discovery refuses, for now or for good.

import { afterEach, describe, expect, it } from 'vitest';
import { message, subscribeToNews } from './fakes/socket-server.js';
import { assignment, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world?.client.close();
  expect(world?.clock.pending ?? 0).toBe(0);
});

/** A client subscribed to `news` at offset 1. */
function subscribed() {
  world = new World();
  return subscribeToNews(world);
}

describe('refusals', () => {
  it('ends the subscription that is refused, and no other', async () => {
    const { news, socket } = await subscribed();
    const secret = world.subscribe('secret');
    const open = world.subscribe('open');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'secret', code: 'forbidden_channel', message: 'no' });
    socket.send({ type: 'subscribed', id, channel: 'open', offset: offset(1), recovered: true } as never);
    expect(secret.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
    expect(open.subscription.state.type).toBe('subscribed');
    expect(news.subscription.state.type).toBe('subscribed');
    expect(world.errors).toMatchObject([{ code: 'forbidden_channel', channel: 'secret' }]);
  });

  it('subscribes again later after a refusal for now', async () => {
    const { socket } = await subscribed();
    const more = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 3_000 });
    expect(more.subscription.state.type).toBe('pending');
    await world.clock.advance(3_999);
    expect(socket.commands.waiting).toEqual([]);
    await world.clock.advance(1);
    expect(await socket.next('subscribe')).toMatchObject({ channels: { more: 'now' } });
  });

  it('asks a node that has no room for another channel again later', async () => {
    const { news, socket } = await subscribed();
    const more = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'error', id, channel: 'more', code: 'overloaded', message: 'full', retryAfterMs: 3_000 });
    expect(more.subscription.state).toEqual({ type: 'pending' });
    await world.clock.advance(4_000);
    expect(await socket.next('subscribe')).toMatchObject({ channels: { more: 'now' } });
    expect(news.subscription.state.type).toBe('subscribed');
  });

  it('begins anew when the node refuses an unsubscribe for now, so that both know the same', async () => {
    const { news, socket } = await subscribed();
    socket.send(message(2));
    const { offset: left } = news.subscription;
    news.subscription.unsubscribe();
    const { id } = await socket.next('unsubscribe');
    socket.send({ type: 'error', id, code: 'rate_limited', message: 'slowly', retryAfterMs: 500 });
    expect(world.client.state).toMatchObject({ type: 'waiting', retryInMs: 750, cause: 'rate_limited' });
    world.subscribe('news', { after: left });
    await world.clock.advance(750);
    const next = await world.network.sockets.next();
    await next.accept();
    expect(await next.next('subscribe')).toMatchObject({ channels: { news: offset(2) } });
  });

  it('ends a subscription whose permission is withdrawn', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
  });

  it('ends no subscription by a withdrawal that was meant for the one before', async () => {
    const { news, socket } = await subscribed();
    news.subscription.unsubscribe();
    const left = await socket.next('unsubscribe');
    const again = world.subscribe('news');
    const { id } = await socket.next('subscribe');
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    socket.send({ type: 'error', id: left.id, channel: 'news', code: 'not_subscribed', message: 'news' });
    socket.send({ type: 'subscribed', id, channel: 'news', offset: offset(1), recovered: true } as never);
    socket.send(message(2));
    expect(again.data).toEqual([2]);
    expect(world.errors).toEqual([]);
    socket.send({ type: 'unsubscribed', channel: 'news', code: 'forbidden_channel' });
    expect(again.subscription.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
  });

  it('takes no answer to an unsubscribe of several for a word about what was asked for since', async () => {
    const { news, socket } = await subscribed();
    const more = world.subscribe('more');
    const first = await socket.next('subscribe');
    socket.send({ type: 'subscribed', id: first.id, channel: 'more', offset: offset(1), recovered: true } as never);
    news.subscription.unsubscribe();
    more.subscription.unsubscribe();
    const left = await socket.next('unsubscribe');
    const again = world.subscribe('more');
    const { id } = await socket.next('subscribe');
    for (const channel of ['news', 'more']) socket.send({ type: 'unsubscribed', id: left.id, channel } as never);
    socket.send({ type: 'subscribed', id, channel: 'more', offset: offset(1), recovered: true } as never);
    expect(again.subscription.state.type).toBe('subscribed');
    expect(world.errors).toEqual([]);
  });

  it('ends no subscription by a refusal that was meant for the one before', async () => {
    const { socket } = await subscribed();
    // So often that what changes next waits for its turn.
    for (let n = 0; n < 8; n++) {
      world.subscribe(`c${n}`);
      await world.clock.advance(0);
    }
    const secret = world.subscribe('secret');
    await world.clock.advance(0);
    const { id } = socket.commands.takeAll().at(-1) ?? {};
    secret.subscription.unsubscribe();
    const again = world.subscribe('secret');
    socket.send({ type: 'error', id, channel: 'secret', code: 'forbidden_channel', message: 'no' } as never);
    expect(again.subscription.state).toEqual({ type: 'pending' });
    await world.clock.advance(200);
    expect(await socket.next('subscribe')).toMatchObject({ channels: { secret: 'now' } });
  });

  it('closes for good after 4500–4999, with every subscription and publish', async () => {
    const { news, socket } = await subscribed();
    const published = world.client.publish('news', 1);
    await socket.next('publish');
    socket.close(4503, 'revoked: the token has been revoked');
    expect(world.client.state).toEqual({ type: 'closed', code: 4503, reason: 'revoked' });
    expect(news.subscription.state).toEqual({ type: 'closed', code: 'revoked' });
    await expect(published).rejects.toMatchObject({ code: 'revoked' });
    await expect(world.client.publish('news', 2)).rejects.toMatchObject({ code: 'revoked' });
    expect(() => world.subscribe('late')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('gets a fresh ticket once after 4501', async () => {
    const { socket } = await subscribed();
    socket.close(4501, 'token_signature_invalid: no');
    await world.clock.advance(250);
    const second = await world.network.sockets.next();
    await second.accept();
    second.close(4501, 'token_signature_invalid: no');
    expect(world.client.state).toEqual({ type: 'closed', code: 4501, reason: 'token_signature_invalid' });
  });

  it('asks once alone for a ticket to be taken that is refused for good, and the link stays', async () => {
    world = new World();
    let tickets = 1;
    world.network.discovery = (request) => request.answer(200, assignment({ expiresInMs: 100_000 }));
    const { socket } = await subscribeToNews(world);
    for (let n = 0; n < 8; n++) {
      await world.clock.advance(10_000);
      socket.send({ type: 'heartbeat' });
    }
    const fresh = { ticket: `t${++tickets}`, expiresInMs: 3_600_000 };
    (await world.network.request('/v1/ticket')).answer(200, fresh);
    const { id } = await socket.next('refresh');
    socket.send({ type: 'error', id, code: 'token_malformed', message: 'no ticket' });
    expect(world.errors).toMatchObject([{ code: 'token_malformed' }]);
    await world.clock.advance(5_000);
    expect(socket.commands.waiting).toEqual([]);
    expect(world.client.state.type).toBe('connected');
  });

  it('loses no link by an error for good that is about nothing it has asked for, but by one for now', async () => {
    const { news, socket } = await subscribed();
    socket.send({ type: 'error', code: 'bad_json', message: 'no JSON' } as never);
    expect(world.client.state.type).toBe('connected');
    expect(news.subscription.state.type).toBe('subscribed');
    socket.send({ type: 'error', code: 'overloaded', message: 'later' } as never);
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'overloaded' });
  });

  it('takes a refusal of `connect` from the close, not from the errors before it', async () => {
    world = new World();
    const news = world.subscribe('news');
    const socket = await world.network.sockets.next();
    socket.open();
    const { id } = await socket.next('connect');
    const subscribe = await socket.next('subscribe');
    socket.send({ type: 'error', id, code: 'token_expired', message: 'old' });
    socket.send({ type: 'error', id: subscribe.id, code: 'not_connected', message: 'no' });
    socket.close(4005, 'token_expired: old');
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
    expect(news.subscription.state.type).toBe('pending');
  });
});
