// A stranger's client, written from docs/PROTOCOL.md alone: polls, streams and publishing, with fetch and curl.

import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Peer, requestText } from '../support/engine-peer.js';
import { eventually } from '../support/eventually.js';
import { readEvents } from './stranger-client.js';
import { startServer } from './stranger-server.js';
import { describeForStranger, OFFSET, type PollAnswer, SECRET } from './stranger-world.js';

const run = promisify(execFile);

describeForStranger('a stranger on HTTP', (world) => {
  // Without Redis there is nothing that redis-cli could publish to: the test does not exist there.
  const withRedis: (title: string, run: () => Promise<void>) => void = world.hasRedis ? it : () => undefined;

  it('polls: now gives a position at once, a short poll what came, a long poll what comes', async () => {
    const channel = world.channel();
    const { ticket } = await world.discover();
    const poll = async (after: string, waitMs: number) => {
      const response = await world.post('/v1/poll', ticket, { channels: { [channel]: after }, waitMs });
      return {
        status: response.status,
        body: response.status === 200 ? ((await response.json()) as PollAnswer) : null,
      };
    };
    const start = (await poll('now', 20_000)).body?.channels[channel];
    expect(start).toEqual({ offset: expect.stringMatching(OFFSET), messages: [] });
    expect((await poll(String(start?.offset), 0)).status).toBe(204);

    const first = await world.publish(channel, 'between two polls');
    const short = (await poll(String(start?.offset), 0)).body?.channels[channel];
    expect(short).toEqual({ offset: first, messages: [{ offset: first, data: 'between two polls' }] });

    const waiting = poll(first, 20_000);
    const second = await world.publish(channel, 'while waiting');
    expect((await waiting).body?.channels).toEqual({
      [channel]: { offset: second, messages: [{ offset: second, data: 'while waiting' }] },
    });
    expect((await poll(second, 50)).status).toBe(204);
  });

  it('polls with curl, and reads a problem document when a channel may not be read', async () => {
    const channel = world.channel();
    const offset = await world.publish(channel, { via: 'curl' });
    const { ticket } = await world.discover();
    const curl = async (channels: object) => {
      const { stdout } = await run('curl', [
        ...['-sS', '-X', 'POST', `${world.base}/v1/poll`, '-H', `Authorization: Bearer ${ticket}`],
        ...['-H', 'Content-Type: application/json', '-d', JSON.stringify({ channels, waitMs: 0 })],
        ...['-w', '\n%{http_code} %{content_type}'],
      ]);
      const [body = '', status = ''] = stdout.split('\n');
      return { body: JSON.parse(body) as unknown, status };
    };
    expect(await curl({ [channel]: '-1' })).toEqual({
      status: '200 application/json',
      body: { channels: { [channel]: { offset, messages: [{ offset, data: { via: 'curl' } }] } } },
    });
    expect(await curl({ [channel]: '-1', secret: '-1', other: 'now' })).toEqual({
      status: '403 application/problem+json',
      body: expect.objectContaining({ status: 403, code: 'forbidden_channel', channels: ['secret', 'other'] }),
    });
  });

  it('polls on at once while there is more, until it has all', async () => {
    const channel = world.channel();
    const offsets: string[] = [];
    for (let count = 0; count < 40; count++) offsets.push(await world.publish(channel, 'x'.repeat(60_000)));
    const { ticket } = await world.discover();
    const received: (string | undefined)[] = [];
    let after = '-1';
    let polls = 0;
    for (let more: true | undefined = true; more; polls++) {
      const response = await world.post('/v1/poll', ticket, { channels: { [channel]: after } });
      const part = ((await response.json()) as PollAnswer).channels[channel];
      received.push(...(part?.messages ?? []).map((message) => message.offset));
      after = String(part?.offset);
      more = part?.more;
    }
    expect(received).toEqual(offsets);
    expect(after).toBe(offsets.at(-1));
    expect(polls).toBeGreaterThan(1);
  });

  it('has each publish of a pipeline answered that was stored, however they come', async () => {
    const { ticket } = await world.discover();
    for (const atOnce of [true, false]) {
      const channel = world.channel();
      const peer = await Peer.connect(Number(new URL(world.base).port));
      const publish = (data: number) => {
        const body = JSON.stringify({ channel, data });
        const lines = ['Content-Type: application/json', `Authorization: Bearer ${world.publishKey}`];
        return requestText('POST', '/v1/publish', [...lines, `Content-Length: ${body.length}`], body);
      };
      const requests = [1, 2, 3].map(publish);
      for (const text of atOnce ? [requests.join('')] : requests) {
        await new Promise((resolve) => peer.socket.write(text, resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const answers = () => peer.text.split('HTTP/1.1 200').length - 1;
      await peer.until(() => answers() === 3).catch(() => undefined);
      const answer = await world.post('/v1/poll', ticket, { channels: { [channel]: '-1' }, waitMs: 0 });
      const stored = answer.status === 200 ? ((await answer.json()) as PollAnswer).channels[channel]?.messages : [];
      expect(stored?.length ?? 0).toBe(answers());
      peer.reset();
    }
  });

  it('has its waiting poll ended by a newer one, and by the end of its ticket', async () => {
    const channel = world.channel();
    const now = Math.floor(Date.now() / 1000);
    const { ticket } = await world.discover(world.token({ iat: now, exp: now + 2 }));
    const start = await world.post('/v1/poll', ticket, { channels: { [channel]: 'now' } });
    const after = String(((await start.json()) as PollAnswer).channels[channel]?.offset);
    const older = world.post('/v1/poll', ticket, { channels: { [channel]: after }, waitMs: 60_000 });
    const newer = world.post('/v1/poll', ticket, { channels: { [channel]: after }, waitMs: 60_000 });
    const [first, last] = await Promise.all([older, newer]);
    expect([first.status, last.status].sort()).toEqual([204, 401]);
    const ended = first.status === 401 ? first : last;
    expect(await ended.json()).toMatchObject({ code: 'token_expired' });
  });

  withRedis('is given live-only messages while a poll waits and on a stream', async () => {
    const channel = world.channel();
    const { ticket } = await world.discover();
    const start = await world.post('/v1/poll', ticket, { channels: { [channel]: 'now' } });
    const after = String(((await start.json()) as PollAnswer).channels[channel]?.offset);
    const abort = new AbortController();
    const stream = await world.post('/v1/stream', ticket, { channels: { [channel]: 'now' } }, abort.signal);
    const events = readEvents(stream.body as ReadableStream<Uint8Array>);
    for (const name of ['connected', 'subscribed']) expect((await events.next()).value).toMatchObject({ name });
    const { ticket: another } = await world.discover();
    const waiting = world.post('/v1/poll', another, { channels: { [channel]: after }, waitMs: 20_000 });
    // Live: it may have to be said more than once until the poll waits.
    const publishing = setInterval(() => {
      void run('redis-cli', ['-u', world.redisUrl, 'PUBLISH', `fanfare:{${channel}}`, '"live"']);
    }, 100);
    const answer = (await (await waiting).json()) as PollAnswer;
    clearInterval(publishing);
    expect(answer.channels[channel]).toMatchObject({ offset: after, messages: [{ data: 'live' }] });
    expect((await events.next()).value).toEqual({ name: 'message', data: { type: 'message', channel, data: 'live' } });
    abort.abort();
  });

  it('is told to move, by its waiting poll, when the node is drained', async () => {
    const server = await startServer('start', { FANFARE_ENGINE: world.engine, FANFARE_AUTH_SECRET: SECRET });
    const poll = (waitMs: number, after: string): Promise<Response> =>
      fetch(`${server.url}/v1/poll`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ channels: { a: after }, waitMs }),
      });
    const token = world.token({ fanfare: { subscribe: ['a'] } });
    const start = (await (await poll(0, 'now')).json()) as PollAnswer;
    const waiting = poll(60_000, String(start.channels.a?.offset));
    await eventually(async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return /^fanfare_waiting_polls\{.*\} 1$/m.test(metrics) || 'no poll waits';
    }, 30_000);
    const exited = server.stop('SIGTERM');
    const answer = await waiting;
    expect(answer.status).toBe(204);
    expect(answer.headers.get('fanfare-move')).toBe('1');
    expect(await exited).toBe(0);
  });

  it('streams with fetch: connected, subscribed, what was missed, then live', async () => {
    const channel = world.channel();
    const missed = await world.publish(channel, 'missed');
    const { ticket } = await world.discover();
    const abort = new AbortController();
    const response = await fetch(`${world.base}/v1/stream`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { [channel]: '-1' } }),
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    if (response.body === null) throw new Error('no body');
    const events = readEvents(response.body);
    const next = async () => (await events.next()).value;
    expect(await next()).toMatchObject({ name: 'connected', data: { type: 'connected', heartbeatMs: 7_000 } });
    expect(await next()).toMatchObject({ name: 'subscribed', data: { type: 'subscribed', channel, recovered: true } });
    expect(await next()).toEqual({
      name: 'message',
      data: { type: 'message', channel, offset: missed, data: 'missed' },
    });
    const live = await world.publish(channel, 'live');
    expect(await next()).toEqual({ name: 'message', data: { type: 'message', channel, offset: live, data: 'live' } });
    abort.abort();
  });

  it('streams with curl and is told the end of its ticket by a close event', async () => {
    const channel = world.channel();
    const now = Math.floor(Date.now() / 1000);
    const { ticket } = await world.discover(world.token({ iat: now, exp: now + 2 }));
    const curl = spawn('curl', [
      ...['-sS', '-N', '-X', 'POST', `${world.base}/v1/stream`, '-H', `Authorization: Bearer ${ticket}`],
      ...['-H', 'Content-Type: application/json', '-d', JSON.stringify({ channels: { [channel]: 'now' } })],
    ]);
    const names: string[] = [];
    let last: object | undefined;
    for await (const { name, data } of readEvents(curl.stdout)) {
      names.push(name);
      last = data;
    }
    expect(names).toEqual(['connected', 'subscribed', 'close']);
    expect(last).toMatchObject({ code: 4005, reason: expect.any(String) });
  });

  it('publishes by HTTP as a user, with the same promises', async () => {
    const channel = world.channel();
    const { ticket } = await world.discover();
    const body = { channel, data: [1], key: 'k-1' };
    const answers = [await world.post('/v1/publish', ticket, body), await world.post('/v1/publish', ticket, body)];
    const [first, second] = await Promise.all(answers.map((answer) => answer.json()));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(second).toEqual({ ...(first as object), duplicate: true });
    expect((await world.post('/v1/publish', ticket, { ...body, data: [2] })).status).toBe(409);
    const forbidden = await world.post('/v1/publish', ticket, { channel: 'secret', data: 1 });
    expect(forbidden.status).toBe(403);
    expect(await forbidden.json()).toMatchObject({ code: 'forbidden', status: 403 });
    const polled = await world.post('/v1/poll', ticket, { channels: { [channel]: '-1' } });
    const answer = (await polled.json()) as PollAnswer;
    expect(answer.channels[channel]?.messages).toEqual([
      {
        offset: (first as { offset: string }).offset,
        data: [1],
        from: { connection: expect.any(String), user: expect.any(String) },
      },
    ]);
  });
});
