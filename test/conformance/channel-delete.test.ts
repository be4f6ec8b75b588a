// Backends at a channel's URL: what their keys are good for, and what everybody is told of a history that they delete.

import { describe, expect, it, vi } from 'vitest';
import type { PublishKey } from '../../src/config/key-list.js';
import { openEvents } from '../support/event-reader.js';
import { openLongPoll, openStream, SocketClient } from '../support/feed.js';
import { get } from '../support/http-get.js';
import { CELLS, ChannelWorld } from './channel-world.js';

const key = (name: string, rights: PublishKey['rights'], patterns = ['*']): PublishKey => ({
  key: `key-of-the-tests-${name}-0123456789`,
  name,
  patterns,
  rights,
});
const READS = key('reads', ['read'], ['news', 'user:*']);
const DELETES = key('deletes', ['delete'], ['news', 'user:*', 'pub:*']);
const PUBLISHES = key('publishes', ['publish']);

describe.each(CELLS)('a backend on the $engine engine and the $kind broker', (cell) => {
  const world = new ChannelWorld(cell, { options: { publishKeys: [READS, DELETES, PUBLISHES] } });
  const publish = world.publish.bind(world);
  const ask = (method: string, path: string, { key: ticket }: PublishKey) =>
    get(world.node.url, `/v1/channels/${path}`, { method, ticket });
  const remove = (channel: string) => ask('DELETE', channel, DELETES);

  it('reads what its key has the right and a pattern for, and is not counted', async () => {
    await world.restart({ pollRate: { perSecond: 0.001, burst: 1 } });
    await publish('news', '1', '2');
    for (let n = 0; n < 20; n++) expect((await ask('GET', 'news?last=1', READS)).text).toBe('[2]');
    expect((await ask('GET', 'other', READS)).status).toBe(403);
    expect((await ask('GET', 'news', PUBLISHES)).status).toBe(403);
    expect((await ask('GET', 'news', DELETES)).status).toBe(403);
    const stream = world.keep(
      await openEvents(world.node.url, '/v1/channels/news?offset=-1&live=sse', { ticket: READS.key }),
    );
    expect((await stream.events.nextOf('data')).data).toBe('[1]');
  });

  it('deletes where its key has the right and a pattern, and nobody else does', async () => {
    const [first = ''] = await publish('news', '1');
    for (const other of [READS, PUBLISHES]) expect((await ask('DELETE', 'news', other)).status).toBe(403);
    expect((await ask('DELETE', 'other', DELETES)).status).toBe(403);
    expect((await world.read('news', { method: 'DELETE' })).status).toBe(403);
    expect((await world.read('news', { method: 'DELETE', ticket: undefined })).status).toBe(401);
    expect((await ask('DELETE', 'a%2Fb', DELETES)).status).toBe(400);
    expect((await world.read('news')).text).toBe('[1]');
    const { status, text, headers } = await remove('news');
    expect([status, text, headers['cache-control']]).toEqual([204, '', 'no-store']);
    const after = await world.read('news');
    expect(after.text).toBe('[]');
    expect((after.headers['stream-next-offset'] ?? '') > first).toBe(true);
  });

  it('has every holder of a position told that its history is lost, and publishing go on', async () => {
    const offsets = await publish('news', '1', '2', '3');
    const { url } = world.node;
    const target = { url, ticket: world.node.ticket() };
    const socket = world.keep(new SocketClient(url));
    socket.connect(target.ticket);
    socket.command({ type: 'subscribe', channels: { news: offsets[0] ?? '' } });
    await socket.events.take(2, 'message');
    const stream = world.keep(openStream(target, { news: offsets[1] ?? '' }));
    await stream.events.nextOf('message');
    const poll = world.keep(openLongPoll({ url, ticket: world.node.ticket('u2') }, { news: offsets[2] ?? '' }));
    const events = world.keep(
      await openEvents(url, `/v1/channels/news?offset=${offsets[2]}&live=sse`, {
        ticket: world.node.ticket('u3'),
        headers: { Accept: 'text/event-stream' },
      }),
    );
    await events.events.nextOf('control');
    const waiting = world.read(`news?offset=${offsets[2]}&live=long-poll`);
    await vi.waitFor(() => expect(world.node.node.stats().waitingPolls).toBe(2), { timeout: 30_000 });
    expect((await remove('news')).status).toBe(204);
    const [later = ''] = await publish('news', '4');
    for (const feed of [socket, stream, poll]) {
      expect(await feed.events.nextOf('gap')).toMatchObject({ channel: 'news', after: offsets[2], reason: 'lost' });
      expect(await feed.events.nextOf('message')).toMatchObject({ data: 4, offset: later });
    }
    const told = JSON.parse((await events.events.next()).data);
    expect(told).toMatchObject({ code: 'offset_unknown', gap: { after: offsets[2], reason: 'lost' } });
    const { status, text } = await waiting;
    expect([status, JSON.parse(text).code]).toEqual([410, 'offset_unknown']);
    for (const offset of offsets) {
      expect(JSON.parse((await world.read(`news?offset=${offset}`)).text).gap).toMatchObject({ reason: 'lost' });
    }
    expect((await world.read('news')).text).toBe('[4]');
  });

  it('may delete what is empty, what nobody knows, and twice', async () => {
    expect((await remove('news')).status).toBe(204);
    await publish('news', '1');
    for (let n = 0; n < 3; n++) expect((await remove('news')).status).toBe(204);
    expect((await world.read('news')).text).toBe('[]');
    const [offset = ''] = await publish('news', '2');
    expect((await world.read(`news?format=messages`)).text).toContain(offset);
  });
});
