// The small client that only reads, at its edges: what it asks discovery, refusals of every kind, and listeners that end it at an error.

import { expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/sse.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';
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
import { assignment, jwt, offset } from './fakes/world.js';

endsAll();

const errors = () => {
  const told: unknown[] = [];
  client.on('error', ({ code, channel }) => told.push([code, channel]));
  return told;
};

it('asks discovery for a stream’s node, always as the same session', async () => {
  connect({ token: null as never });
  network.discovery = undefined;
  client.subscribe('news');
  const first = await network.request('/v1/connect');
  const body = { exclude: [], transports: ['sse'], session: expect.stringMatching(/^\d{22,64}$/) };
  expect([first.body, first.token]).toEqual([body, undefined]);
  first.fail();
  await clock.advance(250);
  expect((await network.request('/v1/connect')).body.session).toBe(first.body.session);
  client.close();
  connect();
  network.discovery = undefined;
  client.subscribe('news');
  expect((await network.request('/v1/connect')).body.session).not.toBe(first.body.session);
});

it('is closed where its token is another user’s, who goes on with nothing of the one before', async () => {
  connect();
  client.subscribe('news');
  const stream = await accept();
  network.discovery = (request) => request.answer(200, assignment({ user: 'bob' }));
  stream.end();
  await clock.advance(1_000);
  expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'user_changed' });
  expect(() => client.subscribe('news')).toThrow(expect.objectContaining({ code: 'closed' }));
  client.connect();
  client.subscribe('news');
  await accept();
  expect(client.state.type).toBe('connected');
});

it('takes the options of other clients that say how sockets are opened, and no word that is none', () => {
  const { fetch, ...options } = createTestServer().options;
  connect({ ...options, url: 'http://discovery.test', transports: undefined } as never);
  expect(() => connect({ websocket: class {} } as never)).toThrow('bad option: websocket');
});

it('is made for discovery’s address alone', () => {
  connect();
  expect(() => createClient({ url: 'ftp://discovery.test' })).toThrow('bad url: ftp://discovery.test');
});

it.each([
  ['discovery', '/v1/connect'],
  ['the node', '/v1/stream'],
])('gives %s up that has not answered after the longest silence', async (_what, path) => {
  connect();
  if (path === '/v1/connect') network.discovery = undefined;
  client.subscribe('news');
  const request = await network.request(path);
  await clock.advance(10_749);
  expect([request.aborted, client.state.type]).toEqual([false, 'connecting']);
  await clock.advance(1);
  expect([request.aborted, client.state]).toMatchObject([true, { type: 'waiting', cause: 'timeout' }]);
});

it('gives a stream for other channels up too that is never answered, and asks discovery then', async () => {
  connect();
  client.subscribe('news');
  await accept();
  client.subscribe('more');
  const stream = await network.request('/v1/stream');
  await clock.advance(10_749);
  expect(stream.aborted).toBe(false);
  await clock.advance(1);
  expect([stream.aborted, client.state]).toMatchObject([true, { type: 'waiting', cause: 'timeout' }]);
});

it('asks no sooner since there is more to read while it waits, and for all of it then', async () => {
  connect();
  const asked = countsQuestions();
  client.subscribe('news');
  (await accept()).cut();
  await settle();
  client.subscribe('more');
  await clock.advance(249);
  expect([asked(), client.state.type]).toEqual([1, 'waiting']);
  await clock.advance(1);
  expect((await accept()).body.channels).toEqual({ news: 'now', more: 'now' });
});

it('waits after an error without a code, which is nobody’s final word', async () => {
  connect();
  const told = errors();
  const news = client.subscribe('news');
  const stream = await accept();
  stream.event({ type: 'error', channel: 'news' } as never);
  await settle();
  expect(client.state).toEqual({ type: 'waiting', retryInMs: 250, cause: '' });
  expect([told, news.state]).toEqual([[['', 'news']], { type: 'pending' }]);
});

it('is told what its stream says of no channel too, and loses nothing by what it has not asked for', async () => {
  connect();
  const told = errors();
  const news = client.subscribe('news');
  const stream = await accept();
  stream.event({ type: 'error', channel: 'other', code: 'forbidden_channel', message: 'no' });
  stream.event({ type: 'unsubscribed', channel: 'news' } as never);
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
  stream.event({ type: 'error', code: 'bad_request', message: 'no' } as never);
  await settle();
  expect(told).toEqual([
    ['forbidden_channel', 'other'],
    ['bad_request', ''],
  ]);
  expect([news.state.type, stream.aborted]).toEqual(['subscribed', false]);
});

it.each(['forbidden_channel', 'gone_for_good'])(
  'ends the channels that a node refuses with a status for good, whatever the code: %s',
  async (code) => {
    connect();
    const told = errors();
    const [a, b] = [client.subscribe('a'), client.subscribe('b')];
    (await network.request('/v1/stream')).refuse(403, code, { channels: ['a'] });
    expect((await accept()).body.channels).toEqual({ b: 'now' });
    expect([a.state, b.state]).toEqual([{ type: 'closed', code }, { type: 'pending' }]);
    expect(told).toEqual([[code, 'a']]);
  },
);

it('is closed where a node refuses it for good, and names no channel', async () => {
  connect();
  const types = states();
  const news = client.subscribe('news');
  (await network.request('/v1/stream')).refuse(403, 'forbidden_origin');
  await settle();
  expect(client.state).toEqual({ type: 'closed', code: 4500, reason: 'forbidden_origin' });
  expect(news.state).toEqual({ type: 'closed', code: 'forbidden_origin' });
  expect(types).toEqual(['connecting', 'closed']);
});

it('asks for another ticket where a node refuses its own, though its token is a text', async () => {
  connect({ token: jwt() });
  client.subscribe('news');
  (await network.request('/v1/stream')).refuse(401, 'token_expired');
  await settle();
  expect(client.state).toMatchObject({ type: 'waiting', cause: 'token_expired' });
  network.discovery = (request) => request.answer(200, assignment({ ticket: 't2' }));
  await clock.advance(250);
  expect((await accept()).token).toBe('t2');
});

it.each([
  ['that is tried again', 503, 'no_capacity'],
  ['that is final', 401, 'token_malformed'],
])('a listener that closes the client at an error %s is told once that it is closed', async (_what, status, code) => {
  connect({ token: jwt() });
  network.discovery = (request) => request.refuse(status, code);
  const types = states();
  client.on('error', () => client.close());
  const news = client.subscribe('news');
  const told: unknown[] = [];
  news.on('state', (state) => told.push(state));
  await settle();
  expect(types).toEqual(['connecting', 'closed']);
  expect(told).toEqual([{ type: 'closed', code: 'closed' }]);
  expect(clock.pending).toBe(0);
});

it('a position that is given but as a number of messages is `-1` to its application until it is known', async () => {
  connect();
  const news = client.subscribe('news', { last: 2 });
  expect(news.offset).toBe('-1');
  const stream = await accept();
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
  await settle();
  expect(news.offset).toBe(offset(1));
});

it('what is subscribed to in one turn is asked for with one stream, and what is left in the same turn not at all', async () => {
  let calls = 0;
  connect({ token: () => jwt(++calls) });
  client.subscribe('a');
  client.subscribe('b').unsubscribe();
  client.subscribe('c');
  const stream = await accept();
  expect(stream.body.channels).toEqual({ a: 'now', c: 'now' });
  expect(calls).toBe(1);
  expect(network.waiting('/v1/stream')).toEqual([]);
  client.subscribe('d');
  client.close();
  await settle();
  expect(network.waiting('/v1/stream')).toEqual([]);
  expect(client.state).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
});

it('one that was left by its application ends no newer one of the same name', async () => {
  connect();
  const first = client.subscribe('news');
  first.unsubscribe();
  const second = client.subscribe('news');
  first.unsubscribe();
  expect([first.state, second.state]).toEqual([{ type: 'closed', code: 'unsubscribed' }, { type: 'pending' }]);
  expect((await accept()).body.channels).toEqual({ news: 'now' });
});
