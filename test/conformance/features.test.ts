// The optional parts of the protocol, on both engines: served to who asked, and not there for anybody else.

import { afterEach, describe, expect, it } from 'vitest';
import { decodeFrame } from '../../src/protocol/index.js';
import { type FeedEvent, SocketClient } from '../support/feed.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

const ALL = ['ping', 'quiet', 'batch', 'positions', 'brief'];

describe.each(['uws', 'ws'] as const)('features on the %s engine', (engine) => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(setup: Omit<TestNodeSetup, 'engine'> = {}): Promise<TestNode> {
    const node = await startNode({ engine, ...setup });
    closing.push(() => node.close());
    return node;
  }

  async function connected(node: TestNode, features?: readonly string[]) {
    const client = new SocketClient(node.url);
    closing.push(() => client.close());
    client.command({ type: 'connect', version: 1, token: node.ticket(), ...(features && { features }) });
    return { client, events: client.events, welcome: await client.events.next() };
  }

  const post = (node: TestNode, path: string, body: object) =>
    fetch(node.url + path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${node.ticket()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  async function publish(node: TestNode, from: number, to: number, channel = 'news'): Promise<string[]> {
    const offsets: string[] = [];
    for (let n = from; n <= to; n++) offsets.push(await node.broker.publish({ channel, data: String(n) }));
    return offsets;
  }

  it('are granted as far as they are known, and none is named to who asked for none', async () => {
    const node = await start();
    expect((await connected(node, ['quiet', 'x_mine', 'ping', 'later'])).welcome.features).toEqual(['ping', 'quiet']);
    expect((await connected(node, ALL)).welcome.features).toEqual(ALL);
    expect((await connected(node, ['x_mine'])).welcome).not.toHaveProperty('features');
    expect((await connected(node)).welcome).not.toHaveProperty('features');
  });

  it('that were not asked for are not there', async () => {
    const { client, events } = await connected(await start());
    for (const fields of [{ type: 'ping' }, { type: 'quiet', heartbeatMs: 5_000 }]) {
      const id = client.command(fields);
      expect(await events.next()).toMatchObject({ type: 'error', id, code: 'unknown_type' });
    }
    const id = client.command({ type: 'subscribe', channels: { news: { last: 1 } } });
    expect(await events.next()).toMatchObject({ type: 'error', id, code: 'bad_offset' });
  });

  it('ping is answered, free once a second, and costs as a command when it comes sooner', async () => {
    const { client, events } = await connected(await start({ commandRate: { perSecond: 0.001, burst: 2 } }), ['ping']);
    const ids = [1, 2, 3].map(() => client.command({ type: 'ping' }));
    expect(await events.next()).toEqual({ type: 'pong', id: ids[0] });
    // The connect took one of two units.
    expect(await events.next()).toEqual({ type: 'pong', id: ids[1] });
    expect(await events.next()).toMatchObject({ type: 'error', id: ids[2], code: 'rate_limited' });
    const again = async () => {
      client.command({ type: 'ping' });
      return (await events.next()).type;
    };
    await expect.poll(again, { interval: 200 }).toBe('pong');
  });

  it.each([999, 60_001, 1.5, '5000', null])('quiet refuses a heartbeat of %j', async (heartbeatMs) => {
    const { client, events } = await connected(await start(), ['quiet']);
    const id = client.command({ type: 'quiet', heartbeatMs });
    expect(await events.next()).toMatchObject({ type: 'error', id, code: 'bad_field' });
  });

  it('quiet has a link hear as seldom as it asked for, and others as often as before', async () => {
    const node = await start({ options: { heartbeatMs: 1_000 } });
    const { client, events } = await connected(node, ['quiet']);
    const other = await connected(node);
    const id = client.command({ type: 'quiet', heartbeatMs: 60_000 });
    expect(await events.next()).toEqual({ type: 'quieted', id, heartbeatMs: 60_000 });
    await other.events.take(3, 'heartbeat');
    expect(events.size).toBe(0);
    const back = client.command({ type: 'quiet', heartbeatMs: 1_000 });
    expect(await events.next()).toEqual({ type: 'quieted', id: back, heartbeatMs: 1_000 });
    expect(await events.next()).toEqual({ type: 'heartbeat' });
  });

  it('batch brings a burst in fewer frames, complete and in order, to who asked, and one by one to others', async () => {
    const node = await start({ namespaces: { default: { historySize: 1_000 } } });
    const frames: FeedEvent[][] = [];
    const asked = await connected(node, ['batch']);
    asked.client.socket.on('message', (data) => frames.push([JSON.parse(String(data))].flat()));
    const other = await connected(node);
    for (const { client, events } of [asked, other]) {
      client.command({ type: 'subscribe', channels: { news: 'now' } });
      await events.nextOf('subscribed');
    }
    frames.length = 0;
    const offsets = await Promise.all(
      Array.from({ length: 300 }, (_, n) => node.broker.publish({ channel: 'news', data: String(n) })),
    );
    const plain = await other.events.take(300, 'message', 'closed');
    expect(plain.map(({ offset }) => offset)).toEqual(offsets);
    await expect.poll(() => frames.flat().length).toBe(300);
    expect(frames.flat().map(({ type, offset }) => `${type} ${offset}`)).toEqual(offsets.map((at) => `message ${at}`));
    expect(frames.length).toBeLessThan(30);
  });

  it('batch keeps everything in order with what is sent to one link alone', async () => {
    const node = await start({ namespaces: { default: { historySize: 1_000 } } });
    const asked = await connected(node, ['batch']);
    const got: FeedEvent[] = [];
    asked.client.socket.on('message', (data) => got.push(...[JSON.parse(String(data)) as FeedEvent].flat()));
    asked.client.command({ type: 'subscribe', channels: { news: 'now' } });
    await asked.events.nextOf('subscribed');
    got.length = 0;
    const published: Promise<string>[] = [];
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 10; n++) published.push(node.broker.publish({ channel: 'news', data: String(n) }));
      asked.client.command({ type: 'subscribe', channels: { news: 'now' } });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const offsets = await Promise.all(published);
    asked.client.command({ type: 'unsubscribe', channels: ['news'] });
    await expect.poll(() => got.at(-1)?.type).toBe('unsubscribed');
    let position = '';
    for (const { type, offset = '' } of got) {
      // What it is told of its position is never ahead of what it has been sent.
      if (type === 'subscribed') expect(offset <= position || position === '').toBe(true);
      if (type === 'message') position = offset;
    }
    expect(got.filter(({ type }) => type === 'message').map(({ offset }) => offset)).toEqual(offsets);
  });

  it.each([
    [['batch', 'brief'], true],
    [['batch'], false],
    [['brief'], false],
  ])('of %j messages of one frame leave out what the one before says: %j', async (features, isBrief) => {
    const node = await start({ namespaces: { default: { historySize: 1_000 } } });
    const { client, events } = await connected(node, features);
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    await events.nextOf('subscribed');
    const frames: string[] = [];
    client.socket.on('message', (data) => frames.push(String(data)));
    const offsets = await Promise.all(
      Array.from({ length: 50 }, (_, n) => node.broker.publish({ channel: 'news', data: String(n) })),
    );
    const read = () => frames.flatMap(decodeFrame).filter(({ type }) => type === 'message');
    await expect.poll(() => read().length).toBe(50);
    expect(read()).toEqual(offsets.map((offset, data) => ({ type: 'message', channel: 'news', offset, data })));
    expect(frames.some((text) => /^\[.*\{"offset":"\d{1,16}","data":/.test(text))).toBe(isBrief);
  });

  it('positions begin so many messages before the tail, in a subscribe', async () => {
    const node = await start();
    const offsets = await publish(node, 1, 20);
    const { client, events } = await connected(node, ['positions']);
    const id = client.command({ type: 'subscribe', channels: { news: { last: 3 } } });
    expect(await events.next()).toMatchObject({ type: 'subscribed', id, offset: offsets[16], recovered: true });
    expect((await events.take(3, 'message', 'gap')).map(({ data }) => data)).toEqual([18, 19, 20]);
    await publish(node, 21, 21);
    expect((await events.next()).data).toBe(21);
    client.command({ type: 'unsubscribe', channels: ['news'] });
    await events.nextOf('unsubscribed');
    client.command({ type: 'subscribe', channels: { news: { after: offsets[18] }, other: {}, new: { last: 0 } } });
    const rest = await events.take(5, 'subscribed', 'message', 'gap', 'error');
    expect(rest.filter(({ type }) => type === 'message').map(({ data }) => data)).toEqual([20, 21]);
    expect(rest.filter(({ type }) => type === 'subscribed')).toHaveLength(3);
  });

  it('positions begin so many messages before the tail, in a stream and in polls', async () => {
    const node = await start();
    const offsets = await publish(node, 1, 20);
    for (const waitMs of [0, 5_000]) {
      const body = { channels: { news: { last: 2 }, none: { last: 9 } }, features: ['positions'], waitMs };
      const answer = (await (await post(node, '/v1/poll', body)).json()) as {
        channels: Record<string, { offset: string; messages: { data: unknown }[]; gap?: unknown }>;
      };
      expect(answer.channels.news).toMatchObject({ offset: offsets[19], messages: [{ data: 19 }, { data: 20 }] });
      expect(answer.channels.news?.gap).toBeUndefined();
      expect(answer.channels.none).toMatchObject({ messages: [] });
    }
    const stream = await post(node, '/v1/stream', { channels: { news: { last: 1 } }, features: ['positions', 'ping'] });
    const reader = stream.body?.getReader();
    let text = '';
    while (!text.includes('event: message')) text += new TextDecoder().decode((await reader?.read())?.value);
    expect(text).toContain('"features":["positions"]');
    expect(text).toContain(`"offset":"${offsets[18]}","recovered":true`);
    expect(text).toContain('"data":20');
    await reader?.cancel();
  });

  it.each([
    ['both', { after: '-1', last: 1 }, 'bad_field'],
    ['a pace of nothing', { last: 1, maxPerSecond: 0 }, 'bad_field'],
    ['a pace that is none', { last: 1, maxPerSecond: '5' }, 'bad_field'],
    ['more than there may be', { last: 1_001 }, 'bad_field'],
    ['less than none', { last: -1 }, 'bad_field'],
    ['a position that is none', { after: 'yesterday' }, 'bad_offset'],
    ['a list', [], 'not_an_object'],
  ])('positions refuse %s, everywhere alike', async (_what, position, code) => {
    const node = await start();
    const { client, events } = await connected(node, ['positions']);
    const id = client.command({ type: 'subscribe', channels: { news: position } });
    expect(await events.next()).toMatchObject({ type: 'error', id, code });
    for (const path of ['/v1/poll', '/v1/stream']) {
      const response = await post(node, path, { channels: { news: position }, features: ['positions'] });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code });
    }
  });

  it('a poll or a stream that did not name positions is served none', async () => {
    const node = await start();
    for (const path of ['/v1/poll', '/v1/stream']) {
      const response = await post(node, path, { channels: { news: { last: 1 } }, features: ['ping'] });
      expect(await response.json()).toMatchObject({ code: 'bad_offset', status: 400 });
    }
  });

  it('a stream that asks for quiet has the heartbeat that it asked for; without the feature it is not listened to', async () => {
    const node = await start();
    const welcome = async (body: object) => {
      const stream = await post(node, '/v1/stream', { channels: { news: 'now' }, ...body });
      if (stream.status !== 200) return stream.status;
      const reader = stream.body?.getReader();
      let text = '';
      while (!text.includes('\n\n')) text += new TextDecoder().decode((await reader?.read())?.value);
      await reader?.cancel();
      return (JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '') as { heartbeatMs: number }).heartbeatMs;
    };
    expect(await welcome({ features: ['quiet'], heartbeatMs: 30_000 })).toBe(30_000);
    expect(await welcome({ features: ['quiet'] })).toBe(7_000);
    expect(await welcome({ heartbeatMs: 30_000 })).toBe(7_000);
    expect(await welcome({ features: ['quiet'], heartbeatMs: 10 })).toBe(400);
  });
});
