// What happens to a WebSocket whose peer reads too slowly: cut, with no hole in what it got, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import type { EngineSocket } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, type RecordingHandler, startEngine } from '../support/engine-host.js';
import { Peer } from '../support/engine-peer.js';

const MAX_BUFFERED_BYTES = 256 * 1024;
const FILLING = 'x'.repeat(20_000);
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Link {
  readonly peer: Peer;
  readonly handler: RecordingHandler;
  readonly socket: EngineSocket;
}

describe.each(ENGINES)('a slow reader on the %s engine', (name) => {
  let host: EngineHost;
  const start = async () => {
    host = await startEngine(name, { options: { maxBufferedBytes: MAX_BUFFERED_BYTES } });
  };
  const link = async (): Promise<Link> => {
    const peer = await Peer.upgraded(host.port);
    const handler = await host.accepted.next();
    const socket = await handler.socket;
    socket.subscribe('t');
    expect(await handler.events.next()).toBe('open');
    return { peer, handler, socket };
  };
  /** The numbers of the messages that a peer got; a close frame is no message. */
  const numbers = (peer: Peer): readonly number[] =>
    peer
      .frames()
      .filter(({ opcode }) => opcode === 1)
      .map(({ payload }) => Number.parseInt(payload.toString(), 10));
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
  const closeOf = async (handler: RecordingHandler): Promise<string> => {
    for (;;) {
      const event = await handler.events.next();
      if (event !== 'drain') return event;
    }
  };
  afterEach(() => host?.close());

  it('is cut at the limit with a whole prefix, told of once, and others get everything', async () => {
    await start();
    const slow = await link();
    const good = await link();
    slow.peer.socket.pause();
    let sent = 0;
    let highest = 0;
    while (host.slowConsumers === 0) {
      for (let index = 0; index < 5; index++) host.engine.publish('t', Buffer.from(`${sent++} ${FILLING}`));
      await tick();
      highest = Math.max(highest, slow.socket.bufferedBytes());
      expect(sent).toBeLessThan(5_000);
    }
    expect(await closeOf(slow.handler)).toBe('close 4002');
    expect(highest).toBeLessThan(MAX_BUFFERED_BYTES + 10 * FILLING.length);
    for (let index = 0; index < 10; index++) host.engine.publish('t', Buffer.from(`${sent++} ${FILLING}`));
    host.engine.publish('t', Buffer.from(`${sent++} end`));
    slow.socket.send('never');
    slow.peer.socket.resume();
    await slow.peer.closed;
    const got = numbers(slow.peer);
    expect(got).toEqual(upTo(got.length));
    expect(got.length).toBeLessThan(sent - 10);
    await good.peer.untilEnd(`${sent - 1} end`);
    expect(numbers(good.peer)).toEqual(upTo(sent));
    expect(host.slowConsumers).toBe(1);
    expect(slow.handler.events.waiting).toEqual([]);
  });

  it('is cut in the same way when the frames are sent to it alone', async () => {
    await start();
    const { peer, handler, socket } = await link();
    peer.socket.pause();
    for (let sent = 0; sent < 1_000; sent++) socket.send(`${sent} ${FILLING}`);
    expect(await closeOf(handler)).toBe('close 4002');
    peer.socket.resume();
    await peer.closed;
    const got = numbers(peer);
    expect(got).toEqual(upTo(got.length));
    expect(got.length).toBeGreaterThan(10);
    expect(host.slowConsumers).toBe(1);
  });

  it('never leaves a hole, however readers stop and go on', async () => {
    await start();
    const links = await Promise.all(Array.from({ length: 12 }, link));
    let sent = 0;
    for (let round = 0; round < 250; round++) {
      for (const [index, { peer }] of links.entries()) {
        const phase = (round * (index + 3)) % 97;
        if (phase < index * 8) peer.socket.pause();
        else peer.socket.resume();
      }
      for (let index = 0; index < 1 + (round % 7); index++) {
        host.engine.publish('t', Buffer.from(`${sent++} ${FILLING}`));
      }
      await tick();
    }
    host.engine.publish('t', Buffer.from(`${sent++} end`));
    for (const { peer } of links) peer.socket.resume();
    await Promise.all(links.map(({ peer }) => peer.untilEnd(`${sent - 1} end`).catch(() => peer.closed)));
    for (const { peer } of links) {
      const got = numbers(peer);
      expect(got).toEqual(upTo(got.length));
    }
    const whole = links.filter(({ peer }) => numbers(peer).length === sent);
    expect(whole.length).toBeGreaterThan(0);
    expect(whole.length).toBe(links.length - host.slowConsumers);
  });

  it('is told that what it was sent has left once it reads again', async () => {
    await start();
    const { peer, handler, socket } = await link();
    peer.socket.pause();
    let sent = 0;
    while (socket.bufferedBytes() < 100_000) socket.send(`${sent++} ${FILLING}`);
    peer.socket.resume();
    expect(await handler.events.next()).toBe('drain');
    expect(socket.bufferedBytes()).toBe(0);
    socket.send(`${sent++} end`);
    await peer.untilEnd(`${sent - 1} end`);
    expect(numbers(peer)).toEqual(upTo(sent));
  });

  it('cannot make the node hold pongs that it does not read', async () => {
    await start();
    const { peer, handler, socket } = await link();
    peer.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => pingOf125()));
    let highest = 0;
    for (let round = 0; round < 100 && !peer.socket.destroyed; round++) {
      peer.write(pings);
      await tick();
      highest = Math.max(highest, socket.bufferedBytes());
    }
    expect(highest).toBeLessThan(2 * MAX_BUFFERED_BYTES);
    peer.reset();
    expect(await closeOf(handler)).toBe('close 4004');
  });
});

function pingOf125(): Buffer {
  return Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125, 'p')]);
}
