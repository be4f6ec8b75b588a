// Heartbeats: a client hears something in time, whatever else it hears, and at no more cost than that.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SocketLink } from '../../../src/node/clients/socket-link.js';
import { StreamLink } from '../../../src/node/clients/stream-link.js';
import type { EngineSocket } from '../../../src/node/engines/engine.js';
import { Random } from '../../support/random.js';
import {
  clientOf,
  HEARTBEAT_MS,
  nodeParts,
  type Parts,
  PING_MS,
  stalledStream,
  ticket,
  tickets,
} from './link-parts.js';

const LIVE_MESSAGE = { offset: undefined, previous: undefined, data: Buffer.from('1'), from: undefined };

/** What a link was sent, and when. */
class Said {
  readonly atMs: number[] = [];
  readonly texts: string[] = [];
  /** The peer's library. */
  pong: (() => void) | undefined;

  note(text: string): void {
    this.atMs.push(performance.now());
    this.texts.push(text);
  }

  count(text: string): number {
    return this.texts.filter((one) => one.includes(text)).length;
  }

  get heartbeats(): number {
    return this.texts.filter((text) => /^(\{"type":"heartbeat"\}|: heartbeat\n\n)$/.test(text)).length;
  }

  get longestSilenceMs(): number {
    return Math.max(...this.atMs.slice(1).map((ms, index) => ms - (this.atMs[index] ?? ms)));
  }
}

function socketThat(said: Said): EngineSocket {
  return {
    send: (frame) => said.note(String(frame)),
    cork: (write) => write(),
    ping: () => {
      said.texts.push('ping');
      said.pong?.();
    },
    close: (_code, reason) => said.texts.push(`closed: ${reason}`),
    admit: () => undefined,
    cut: () => undefined,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    bufferedBytes: () => 0,
  };
}

function openSocket({ socketLink }: Parts, said: Said): SocketLink {
  const link = new SocketLink(socketLink);
  said.pong = () => link.pong();
  link.open(socketThat(said));
  link.text(JSON.stringify({ id: 1, type: 'connect', version: 1, token: ticket, features: ['ping', 'quiet'] }));
  link.text(JSON.stringify({ id: 2, type: 'subscribe', channels: { news: 'now' } }));
  return link;
}

function openStream({ streamLink }: Parts, said: Said): StreamLink {
  const { stream } = stalledStream();
  const noting = { ...stream, write: (chunk: string | Buffer) => said.note(String(chunk)) };
  const link = new StreamLink(streamLink, noting, clientOf(tickets.verify(ticket)));
  link.start({ channels: new Map([['news', 'now']]), features: [] });
  return link;
}

const KINDS = { websocket: openSocket, sse: openStream } as const;

/** A channel that has been opened, and whose subscriptions are live. */
async function liveChannel({ channels }: Parts) {
  const channel = channels.acquire('news');
  await channel.ready;
  await new Promise((resolve) => setImmediate(resolve));
  return channel;
}

describe.each(['websocket', 'sse'] as const)('a %s', (kind) => {
  let parts: Parts;
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
    parts = await nodeParts();
    parts.links.start();
  });
  afterEach(() => {
    parts.links.stop();
    parts.channels.close();
    vi.useRealTimers();
  });

  it('is never silent for longer than its heartbeat, whenever messages come', async () => {
    const heard = new Said();
    KINDS[kind](parts, heard);
    const channel = await liveChannel(parts);
    const random = new Random(17);
    for (let round = 0; round < 300; round++) {
      vi.advanceTimersByTime(random.below(2 * HEARTBEAT_MS));
      parts.channels.message(channel.name, LIVE_MESSAGE);
      heard.note('a message');
    }
    expect(heard.longestSilenceMs).toBeLessThanOrEqual(HEARTBEAT_MS);
    expect(heard.heartbeats).toBeGreaterThan(100);
  });

  it('is sent hardly more than one heartbeat in its time when nothing else comes, and none while messages flow', async () => {
    const heard = new Said();
    KINDS[kind](parts, heard);
    const channel = await liveChannel(parts);
    vi.advanceTimersByTime(100 * HEARTBEAT_MS);
    const idle = heard.heartbeats;
    expect(idle).toBeGreaterThanOrEqual(100);
    expect(idle).toBeLessThanOrEqual(107);
    for (let ms = 0; ms < 20 * HEARTBEAT_MS; ms += 1_000) {
      parts.channels.message(channel.name, LIVE_MESSAGE);
      vi.advanceTimersByTime(1_000);
    }
    expect(heard.heartbeats).toBeLessThanOrEqual(idle + 1);
  });

  it('that came with a thousand others is not due in the same moment as all of them', async () => {
    const all = new Said();
    for (let count = 0; count < 1_000; count++) KINDS[kind](parts, all);
    await liveChannel(parts);
    all.atMs.length = 0;
    all.texts.length = 0;
    vi.advanceTimersByTime(2 * HEARTBEAT_MS);
    const perMoment = new Map<number, number>();
    for (const ms of all.atMs) perMoment.set(ms, (perMoment.get(ms) ?? 0) + 1);
    expect(Math.max(...perMoment.values())).toBeLessThanOrEqual(100);
  });

  it('has its heartbeat before the first message from the bus, when the loop was held up', async () => {
    const heard = new Said();
    KINDS[kind](parts, heard);
    await liveChannel(parts);
    const nowMs = performance.now() + 2 * HEARTBEAT_MS;
    // No timer has come by yet.
    vi.spyOn(performance, 'now').mockReturnValue(nowMs);
    parts.channels.message('other', LIVE_MESSAGE);
    vi.mocked(performance.now).mockRestore();
    expect(heard.heartbeats).toBe(1);
  });
});

describe('a WebSocket', () => {
  let parts: Parts;
  let heard: Said;
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
    parts = await nodeParts();
    parts.links.start();
    heard = new Said();
  });
  afterEach(() => {
    parts.links.stop();
    parts.channels.close();
    vi.useRealTimers();
  });

  it('that asked for quiet hears as little as it asked for, until it takes that back', async () => {
    const link = openSocket(parts, heard);
    await liveChannel(parts);
    link.text(JSON.stringify({ id: 3, type: 'quiet', heartbeatMs: 60_000 }));
    expect(heard.texts.at(-1)).toBe('{"type":"quieted","id":3,"heartbeatMs":60000}');
    vi.advanceTimersByTime(20 * 60_000);
    expect(heard.heartbeats).toBeLessThanOrEqual(25);
    expect(heard.longestSilenceMs).toBeLessThanOrEqual(60_000);
    link.text(JSON.stringify({ id: 4, type: 'quiet', heartbeatMs: HEARTBEAT_MS }));
    heard.atMs.splice(0, heard.atMs.length - 1);
    vi.advanceTimersByTime(10 * HEARTBEAT_MS);
    expect(heard.longestSilenceMs).toBeLessThanOrEqual(HEARTBEAT_MS);
  });

  it('that is shown a ticket which ends sooner ends with that, and not with its next heartbeat', async () => {
    const link = openSocket(parts, heard);
    await liveChannel(parts);
    vi.advanceTimersByTime(2 * HEARTBEAT_MS);
    // Tickets are signed by the real clock, which has not gone on, and forgiven 5 s.
    const maxLifeMs = 2 * HEARTBEAT_MS + 1_000 - 5_000;
    const { text: token } = tickets.sign(tickets.verify(ticket), { connection: 'other', maxLifeMs });
    link.text(JSON.stringify({ id: 3, type: 'refresh', token }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.count('refreshed')).toBe(1);
    vi.advanceTimersByTime(500);
    expect(heard.count('closed')).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(heard.count('closed: token_expired')).toBe(1);
  });

  it('is pinged each 25 s whatever its heartbeat, and closed when nothing is heard for twice that', async () => {
    const link = openSocket(parts, heard);
    await liveChannel(parts);
    vi.advanceTimersByTime(500_000);
    const pings = heard.texts.filter((text) => text === 'ping').length;
    expect(pings).toBeGreaterThanOrEqual(500_000 / PING_MS);
    expect(pings).toBeLessThanOrEqual(500_000 / PING_MS + 5);
    link.pong();
    heard.pong = undefined;
    vi.advanceTimersByTime(2 * PING_MS);
    expect(heard.count('closed')).toBe(0);
    vi.advanceTimersByTime(PING_MS + 2 * HEARTBEAT_MS);
    expect(heard.count('closed: heartbeat_timeout')).toBe(1);
    const said = heard.texts.length;
    link.close();
    vi.advanceTimersByTime(10 * HEARTBEAT_MS);
    expect(heard.texts).toHaveLength(said);
  });
});
