// Sockets count until their descriptors are given back, on both engines, whatever their peers leave undone.

import { afterEach, describe, expect, it } from 'vitest';
import { CLOSE } from '../../src/protocol/index.js';
import { ENGINES, type EngineHost, type HostSetup, startEngine } from '../support/engine-host.js';
import { Peer, requestText, untilServed, upgradeText } from '../support/engine-peer.js';
import { eventually } from '../support/eventually.js';
import { heldSockets } from '../support/server-sockets.js';
import { closeFrame, frame } from '../support/web-socket-frames.js';

const MAX_SOCKETS = 60;
const ROUNDS = 10;
const PER_ROUND = 40;
/** Much less than a socket may wait for its peer's FIN. */
const SETTLED_WITHIN_MS = 5_000;
const ELSEWHERE = '127.0.0.77';

describe.each(ENGINES)('descriptors of the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const peers: Peer[] = [];
  const start = async (setup: HostSetup = {}) => {
    const host = await startEngine(name, { ...setup, options: { maxSockets: MAX_SOCKETS, ...setup.options } });
    hosts.push(host);
    return host;
  };
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.destroy();
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  /** Has 400 peers come and stay that never close; rejects when the engine goes on holding more sockets than it may. */
  async function crowd(host: EngineHost, write: (peer: Peer) => void): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const come = Array.from({ length: PER_ROUND }, () => Peer.connect(host.port, '127.0.0.1', true));
      for (const result of await Promise.allSettled(come)) {
        if (result.status === 'rejected') continue;
        peers.push(result.value);
        write(result.value);
      }
      await answered(host);
      // Those that are refused are on their way in or out when they are counted.
      await eventually(async () => {
        const held = (await heldSockets(host.port)).length;
        return held <= MAX_SOCKETS || `${held} sockets are held`;
      }, SETTLED_WITHIN_MS);
    }
  }

  /** A round trip of another peer, served or not: what was written before has been read. */
  async function answered(host: EngineHost): Promise<void> {
    const peer = await Peer.connect(host.port).catch(() => undefined);
    peer?.write(requestText('GET', '/', ['Connection: close']));
    await peer?.closed;
  }

  it.each([
    ['that the node closes', (host: EngineHost) => crowd(host, (peer) => peer.write(upgradeText()))],
    [
      'that their peers close and stay on',
      (host: EngineHost) =>
        crowd(host, (peer) => {
          peer.socket.once('data', () => peer.write(closeFrame(1000)));
          peer.write(upgradeText());
        }),
    ],
    ['that are refused an upgrade', (host: EngineHost) => crowd(host, (peer) => peer.write(upgradeText(['X-No: 1'])))],
    [
      'whose only request was answered',
      (host: EngineHost) => crowd(host, (peer) => peer.write(requestText('GET', '/'))),
    ],
  ])('are never more than there may be sockets, of WebSockets and others %s', async (title, play) => {
    const host = await start({
      upgrade: (request) =>
        request.header('x-no') === undefined ? undefined : { accept: false, status: 403, headers: {}, body: 'no' },
      react: (event, socket) => {
        if (event === 'open' && title === 'that the node closes') socket.close(CLOSE.badRequest, 'no');
      },
    });
    await play(host);
    for (const peer of peers.splice(0)) peer.socket.destroy();
    await untilServed(host.port, 10);
  });

  it('are kept by no connection that waits for its next request, once three quarters of them are taken', async () => {
    const host = await start();
    const first = await Peer.connect(host.port);
    first.write(requestText('GET', '/'));
    expect(await first.until((text) => text.endsWith('ok'))).not.toMatch(/connection: close/i);
    peers.push(...(await Promise.all(Array.from({ length: MAX_SOCKETS * 0.75 }, () => Peer.upgraded(host.port)))));
    first.write(requestText('GET', '/'));
    expect(await first.closed).toMatch(/ok.*ok$/s);
  });

  it('are given back when the last words of a WebSocket are never read', async () => {
    const host = await start({ options: { maxBufferedBytes: 8 * 1024 * 1024 } });
    const peer = await Peer.upgraded(host.port, '127.0.0.1', true);
    peers.push(peer);
    peer.socket.pause();
    const handler = await host.accepted.next();
    const socket = await handler.socket;
    while (socket.bufferedBytes() < 1024 * 1024) socket.send('x'.repeat(64 * 1024));
    socket.close(CLOSE.badRequest, 'never read');
    expect(handler.events.waiting).toEqual(['open', `close ${CLOSE.badRequest}`]);
    socket.send('after its end');
    await eventually(async () => (await heldSockets(host.port)).length === 0 || 'it is held', 30_000);
  });

  it('are bounded by address while nobody has been answered or let in', async () => {
    const refused: string[] = [];
    const bound = {
      max: 5,
      isShared: (address: string) => address === '127.0.0.9',
      refused: (a: string) => void refused.push(a),
    };
    const host = await start({ options: { handshakes: bound } });
    const silent = async (address: string, count: number) => {
      const come = Array.from({ length: count }, () => Peer.connect(host.port, address));
      peers.push(...(await Promise.all(come)));
    };
    await silent('127.0.0.1', 8);
    await silent('127.0.0.9', 8);
    await eventually(async () => refused.length === 3 || `${refused.length} refused`, 10_000);
    expect(new Set(refused)).toEqual(new Set(['127.0.0.1']));
    const other = await Peer.connect(host.port, ELSEWHERE);
    other.write(requestText('GET', '/'));
    await other.until((text) => text.endsWith('ok'));
  });

  it('are not bounded by address of those who are answered, let in, or gone', async () => {
    const bound = { max: 5, isShared: () => false, refused: () => undefined };
    const host = await start({
      options: { handshakes: bound },
      react: (event, socket) => {
        if (event === 'text let me in') socket.admit();
      },
    });
    for (let n = 0; n < 20; n++) {
      const peer = await Peer.upgraded(host.port);
      peers.push(peer);
      peer.write(frame('let me in'));
      await (await host.accepted.next()).events.next();
      await answered(host);
    }
    expect(peers.filter((peer) => peer.socket.destroyed)).toEqual([]);
  });

  it('are bounded by address of WebSockets that nobody lets in', async () => {
    const bound = { max: 5, isShared: () => false, refused: () => undefined };
    const host = await start({ options: { handshakes: bound } });
    for (let n = 0; n < 5; n++) peers.push(await Peer.upgraded(host.port));
    await expect(Peer.upgraded(host.port)).rejects.toThrow();
    peers.push(await Peer.upgraded(host.port, ELSEWHERE));
  });
});
