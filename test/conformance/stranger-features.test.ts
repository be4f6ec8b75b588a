// A stranger's client, written from docs/PROTOCOL.md alone: each feature with and without being asked for, and sessions.

import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { BareSocket, type NodeEvent, readEvents } from './stranger-client.js';
import { type Discovered, describeForStranger, OFFSET, type PollAnswer } from './stranger-world.js';

describeForStranger('a stranger and the features', (world) => {
  /** PROTOCOL 8.2: a link with these features. */
  async function linked(features: readonly string[]) {
    const { node, ticket } = await world.discover();
    const socket = await BareSocket.open(node.url);
    socket.command('connect', { version: 1, token: ticket, features });
    return { socket, connected: await socket.next() };
  }

  /** PROTOCOL 5.4: a ticket of a session; without a token an anonymous one. */
  async function ticketOf(session: string, token?: string): Promise<Discovered> {
    const response = await fetch(`${world.base}/v1/connect`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ session }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Discovered;
  }

  it.each([[['ping', 'x_mine']], [[]]])('asks for a sign of life where it asked for %j', async (features) => {
    const { socket, connected } = await linked(features);
    const id = socket.command('ping', {});
    const answer = await socket.next();
    if (features.length > 0) {
      expect(connected.features).toEqual(['ping']);
      expect(answer).toEqual({ type: 'pong', id });
    } else {
      expect(connected.features).toBeUndefined();
      expect(answer).toMatchObject({ type: 'error', id, code: 'unknown_type' });
    }
    await socket.close();
  });

  it.each([[['quiet']], [[]]])('asks for another heartbeat where it asked for %j', async (features) => {
    const { socket } = await linked(features);
    const id = socket.command('quiet', { heartbeatMs: 60_000 });
    expect(await socket.next()).toMatchObject(
      features.length > 0 ? { type: 'quieted', id, heartbeatMs: 60_000 } : { type: 'error', id, code: 'unknown_type' },
    );
    await socket.close();
  });

  /** PROTOCOL 8.9: what a frame of a link with `brief` means. */
  function inFull(frame: unknown): NodeEvent[] {
    let channel: unknown;
    let offset = '';
    return ([frame].flat() as Record<string, unknown>[]).map((event) => {
      if (event.type !== undefined && event.type !== 'message') return event as NodeEvent;
      channel = event.channel ?? channel;
      if (event.offset === undefined) return { type: 'message', channel, ...event };
      const end = String(event.offset);
      offset = offset.slice(0, 30 - end.length) + end;
      return { type: 'message', channel, ...event, offset };
    });
  }

  /** Forty messages at once on a link with these features: their offsets, and what came, frame by frame, until all had been read by `read`. */
  async function burst(features: readonly string[], read: (frame: unknown) => NodeEvent[]) {
    const channel = world.channel();
    const { node, ticket } = await world.discover();
    const socket = new WebSocket(`${node.url.replace(/^http/, 'ws')}/v1/ws`, 'fanfare.v1');
    const frames: unknown[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token: ticket, features }));
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: { [channel]: 'now' } }));
    const events = () => frames.flatMap(read);
    await eventually(async () => events().some(({ type }) => type === 'subscribed') || 'not subscribed', 30_000);
    const offsets = await Promise.all(Array.from({ length: 40 }, (_, n) => world.publish(channel, n)));
    const messages = () => events().filter(({ type }) => type === 'message');
    await eventually(async () => messages().length === 40 || `${messages().length} messages`, 30_000);
    expect(messages().map(({ offset }) => offset)).toEqual(offsets.toSorted());
    socket.terminate();
    return { channel, node, frames, messages: messages() };
  }

  it.each([[['batch', 'brief']], [['brief']]])(
    'receives a burst in order, said once what its messages have in common, where it asked for %j',
    async (features) => {
      const { channel, node, frames, messages } = await burst(features, inFull);
      expect(node.features).toEqual(expect.arrayContaining(features));
      expect(messages.every((message) => message.channel === channel)).toBe(true);
      if (!features.includes('batch')) expect(frames.some(Array.isArray)).toBe(false);
    },
  );

  it.each([true, false])('receives a burst in order, in arrays only if it asked for them: %j', async (isBatched) => {
    const { frames } = await burst(isBatched ? ['batch'] : [], (frame) => [frame as NodeEvent].flat());
    if (!isBatched) expect(frames.some(Array.isArray)).toBe(false);
  });

  it('begins with the last messages, on each transport, if it asked for positions', async () => {
    const channel = world.channel();
    const offsets: string[] = [];
    for (let n = 1; n <= 5; n++) offsets.push(await world.publish(channel, n));
    const body = { channels: { [channel]: { last: 2 } } };
    const asking = { ...body, features: ['positions'] };

    const { socket } = await linked(['positions']);
    const id = socket.command('subscribe', body);
    expect(await socket.next()).toEqual({ type: 'subscribed', id, channel, offset: offsets[2], recovered: true });
    expect([(await socket.next()).data, (await socket.next()).data]).toEqual([4, 5]);
    await socket.close();

    const { ticket } = await world.discover();
    const poll = (await (await world.post('/v1/poll', ticket, asking)).json()) as PollAnswer;
    expect(poll.channels[channel]).toMatchObject({ offset: offsets[4], messages: [{ data: 4 }, { data: 5 }] });

    const abort = new AbortController();
    const stream = await world.post('/v1/stream', ticket, asking, abort.signal);
    const heard: unknown[] = [];
    for await (const { name, data } of readEvents(stream.body as ReadableStream<Uint8Array>)) {
      if (name === 'connected') expect(data.features).toEqual(['positions']);
      if (name === 'subscribed') expect(data).toMatchObject({ offset: offsets[2], recovered: true });
      if (name === 'message') heard.push(data.data);
      if (heard.length === 2) break;
    }
    expect(heard).toEqual([4, 5]);
    abort.abort();

    expect(await (await world.post('/v1/poll', ticket, body)).json()).toMatchObject({ code: 'bad_offset' });
    expect(await (await world.post('/v1/stream', ticket, body)).json()).toMatchObject({ code: 'bad_offset' });
  });

  it('reads a message’s time from its offset', async () => {
    const channel = world.channel();
    const before = Date.now();
    const offset = await world.publish(channel, 'when');
    expect(offset).toMatch(OFFSET);
    expect(Number(offset.slice(0, 13))).toBeGreaterThanOrEqual(before - 1_000);
    expect(Number(offset.slice(0, 13))).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('has one id before the dot on all links of its session, which is a hash of its secret and its user', async () => {
    const session = randomBytes(18).toString('base64url');
    const token = world.token({ sub: 'one of two' });
    const ids: string[] = [];
    for (let links = 0; links < 2; links++) {
      const { node, ticket } = await ticketOf(session, token);
      expect(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString()).not.toContain(session);
      const { socket, connected } = await BareSocket.connected(node.url, ticket);
      ids.push(String(connected.connection));
      await socket.close();
    }
    const hash = createHash('sha256').update(`${session}\none of two`).digest('base64url').slice(0, 16);
    expect(ids.map((id) => id.split('.')[0])).toEqual([`c-${hash}`, `c-${hash}`]);
    expect(ids[0]).not.toBe(ids[1]);
    const other = await BareSocket.connected(world.base, (await ticketOf(session, world.token())).ticket);
    expect(String(other.connected.connection)).not.toContain(hash);
    await other.socket.close();
  });

  it('keeps its session when it renews its ticket, and stamps it on what it publishes by HTTP', async () => {
    const session = randomBytes(18).toString('base64url');
    const token = world.token({ jti: 'names-the-token' });
    const channel = world.channel();
    const { ticket } = await ticketOf(session, token);
    const renewed = (await (await world.post('/v1/ticket', token, { session })).json()) as { ticket: string };
    const connections: unknown[] = [];
    for (const one of [ticket, renewed.ticket]) {
      await world.post('/v1/publish', one, { channel, data: 'mine' });
      const body = { channels: { [channel]: { last: 1 } }, features: ['positions'] };
      const answer = (await (await world.post('/v1/poll', one, body)).json()) as PollAnswer;
      connections.push((answer.channels[channel]?.messages[0]?.from as { connection: string } | undefined)?.connection);
    }
    expect(connections[0]).toMatch(/^c-[\w-]{16}$/);
    expect(connections[1]).toBe(connections[0]);
    const bad = await world.post('/v1/ticket', token, { session: 'too short' });
    expect(await bad.json()).toMatchObject({ status: 400, code: 'bad_field' });
  });

  it('is stored once where it has no name, its answer was lost, and it comes again with another ticket', async () => {
    const session = randomBytes(18).toString('base64url');
    const channel = `demo:${world.channel()}`;
    const offsets: unknown[] = [];
    for (const secret of [session, session, randomBytes(18).toString('base64url')]) {
      const { node, ticket } = await ticketOf(secret);
      const { socket } = await BareSocket.connected(node.url, ticket);
      socket.command('publish', { channel, data: 'once', key: 'k-1' });
      offsets.push((await socket.nextOf('published')).offset);
      await socket.close();
    }
    expect(offsets[1]).toBe(offsets[0]);
    expect(offsets[2]).not.toBe(offsets[0]);
  });

  it('has its older poll ended by a newer one of its session, though with another ticket, and nobody else’s', async () => {
    const session = randomBytes(18).toString('base64url');
    const token = world.token();
    const channel = world.channel();
    const position = await world.publish(channel, 'first');
    const wait = (ticket: string) =>
      world.post('/v1/poll', ticket, { channels: { [channel]: position }, waitMs: 20_000 });
    const theirs = wait((await ticketOf(randomBytes(18).toString('base64url'), token)).ticket);
    const older = wait((await ticketOf(session, token)).ticket);
    const newer = wait((await ticketOf(session, token)).ticket);
    const first = await Promise.race([older, newer]);
    expect(first.status).toBe(204);
    await world.publish(channel, 'second');
    const statuses = (await Promise.all([theirs, older, newer])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 200, 204]);
    expect(statuses[0]).toBe(200);
  });
});
