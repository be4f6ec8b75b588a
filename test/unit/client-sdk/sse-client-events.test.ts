// The small client that only reads: what a stream, discovery and its application may say to it, in order and out of it.

import { expect, it } from 'vitest';
import {
  accept,
  client,
  clock,
  connect,
  countsQuestions,
  endsAll,
  network,
  settle,
  states,
} from './fakes/reading-client.js';
import { offset } from './fakes/world.js';

endsAll();

it('reads on behind what is no event, and asks for nothing by it', async () => {
  connect();
  const data: unknown[] = [];
  client.subscribe('news', { last: 0 }, (message) => data.push(message.data));
  const stream = await accept();
  expect(stream.body.channels).toEqual({ news: 'now' });
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
  stream.write('data: no JSON\n\ndata: 5\n\ndata: null\n\ndata: {"type":"of a later time"}\n\n: a comment\n\n');
  stream.event({ type: 'message', channel: 'of somebody else', offset: offset(9), data: 9 });
  stream.event({ type: 'message', channel: 'news', offset: offset(2), data: 2 });
  stream.event({ type: 'message', channel: 'news', data: 'live' } as never);
  await settle();
  expect(data).toEqual([2, 'live']);
  expect(client.state.type).toBe('connected');
  expect(network.waiting('/v1/stream')).toEqual([]);
});

it('asks discovery once for as long as its links work, whatever channels it has', async () => {
  connect();
  const asked = countsQuestions();
  client.subscribe('news');
  const stream = await accept();
  const more = client.subscribe('more');
  expect((await accept()).body.channels).toEqual({ news: 'now', more: 'now' });
  expect(stream.aborted).toBe(true);
  more.unsubscribe();
  expect((await accept()).body.channels).toEqual({ news: 'now' });
  expect(asked()).toBe(1);
});

it('is idle again when it is to connect after it was closed, until there is something to read', async () => {
  connect();
  const types = states();
  client.close();
  client.connect();
  expect(client.state).toEqual({ type: 'idle' });
  client.connect();
  await settle();
  client.subscribe('news');
  await accept();
  expect(types).toEqual(['closed', 'idle', 'connecting', 'connected']);
});

it('has at most 128 channels, says which is one too many, and takes another when one has left', () => {
  connect();
  const [first] = Array.from({ length: 128 }, (_, n) => client.subscribe(`c${n}`));
  expect(() => client.subscribe('more')).toThrow(
    expect.objectContaining({ code: 'too_many_channels', channel: 'more' }),
  );
  first?.unsubscribe();
  first?.unsubscribe();
  expect(client.subscribe('more').state).toEqual({ type: 'pending' });
});

it('ends a channel that the stream says no to, and asks for all again later where that is for now', async () => {
  connect();
  const codes: unknown[] = [];
  client.on('error', ({ code, channel }) => codes.push([code, channel]));
  const secret = client.subscribe('secret');
  const news = client.subscribe('news', { after: offset(1) });
  const stream = await accept();
  stream.event({ type: 'error', channel: 'secret', code: 'forbidden_channel', message: 'no' });
  await settle();
  expect(secret.state).toEqual({ type: 'closed', code: 'forbidden_channel' });
  expect(client.state.type).toBe('connected');
  stream.event({ type: 'error', channel: 'news', code: 'overloaded', message: 'later' });
  await settle();
  expect(client.state).toEqual({ type: 'waiting', retryInMs: 250, cause: 'overloaded' });
  expect(news.state).toEqual({ type: 'pending' });
  expect(codes).toEqual([
    ['forbidden_channel', 'secret'],
    ['overloaded', 'news'],
  ]);
  await clock.advance(250);
  expect((await accept()).body.channels).toEqual({ news: offset(1) });
});

it('tells a channel of a gap, whose end is its position, and once of each state', async () => {
  connect();
  const told: unknown[] = [];
  const news = client.subscribe('news', { after: offset(1) }, ({ data }) => told.push(data));
  news.on('gap', ({ reason, offset }) => told.push([reason, offset]));
  news.on('state', ({ type }) => told.push(type));
  const stream = await accept();
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(5), recovered: false });
  await settle();
  expect(news.offset).toBe(offset(1));
  stream.event({ type: 'gap', channel: 'news', after: offset(1), offset: offset(5), reason: 'trimmed' });
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(5), recovered: true });
  stream.event({ type: 'message', channel: 'news', offset: offset(5), data: 5 });
  stream.event({ type: 'message', channel: 'news', offset: offset(6), data: 6 });
  await settle();
  expect(told).toEqual(['subscribed', ['trimmed', offset(5)], 6]);
  expect(news.offset).toBe(offset(6));
  expect(news.channel).toBe('news');
});

it('that is closed twice is closed once, with `using` too', () => {
  connect();
  const types = states();
  const news = client.subscribe('news');
  const told: unknown[] = [];
  news.on('state', (state) => told.push(state));
  const { dispose } = Symbol as { readonly dispose?: symbol };
  if (dispose) (client as never as Record<symbol, () => void>)[dispose]?.();
  client.close();
  client.close();
  news.unsubscribe();
  expect(types).toEqual(['closed']);
  expect(told).toEqual([{ type: 'closed', code: 'closed' }]);
});

it('is refused for good by discovery, and tells each channel why', async () => {
  connect({ token: 'no.good.token' });
  network.discovery = (request) => request.refuse(401, 'token_malformed');
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  const news = client.subscribe('news');
  await settle();
  expect(client.state).toEqual({ type: 'closed', code: 4501, reason: 'token_malformed' });
  expect(news.state).toEqual({ type: 'closed', code: 'token_malformed' });
  expect(errors).toMatchObject([{ code: 'token_malformed' }]);
});

it('takes a page with 200 that is not discovery’s for a failure of the network', async () => {
  connect();
  network.discovery = (request) => request.answer(200, { ticket: 't1' });
  client.subscribe('news');
  await settle();
  expect(client.state).toMatchObject({ type: 'waiting', cause: 'network' });
  network.discovery = (request) => request.answer(200, { node: { id: 'n1', url: 'http://n1.test' } });
  await clock.advance(250);
  expect(client.state).toMatchObject({ type: 'waiting', cause: 'network', retryInMs: 500 });
});

it.each([-1, 1_001, 1.5, Number.NaN])('refuses to begin %s messages before the end', (last) => {
  connect();
  expect(() => client.subscribe('news', { last })).toThrow(/^bad last/);
  expect(() => client.subscribe('news', { last: 2, after: '-1' } as never)).toThrow(/^bad last/);
});
