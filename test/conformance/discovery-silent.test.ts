// Sockets that say nothing to discovery: an address has so many of them, and keeps no other address from being answered.

import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryServer, type DiscoveryServer } from '../../discovery/server.js';
import { ClientAddress } from '../../src/http/client-address.js';
import { HandshakeWatch } from '../../src/http/handshake-watch.js';
import type { TlsPair } from '../../src/lib/tls-pair.js';
import { makeCertificates } from '../support/certificates.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { RecordingLogger } from '../support/recording-logger.js';

const MAX = 4;
const MAX_CONNECTIONS = 16;
const [STRANGER, CLIENT, LOCAL] = ['127.0.0.66', '127.0.0.77', '127.0.0.1'];
const GET = requestText('GET', '/');

describe('sockets that say nothing to discovery', () => {
  let server: DiscoveryServer | undefined;
  let watch: HandshakeWatch;
  const logger = new RecordingLogger();
  const peers: Peer[] = [];
  const start = async (more: { trustedProxies?: readonly string[]; tls?: TlsPair } = {}) => {
    const { trustedProxies = [], ...options } = more;
    logger.lines.length = 0;
    watch = new HandshakeWatch(MAX, new ClientAddress(trustedProxies), logger);
    const bounds = { maxConnections: MAX_CONNECTIONS, handshakes: watch };
    const answer = async () => new Response('answered');
    server = createDiscoveryServer(answer, { host: '127.0.0.1', port: 0, ...bounds, ...options });
    return (await server.start()).port;
  };
  const come = async (port: number, address: string): Promise<Peer> => {
    const peer = await Peer.connect(port, address);
    peers.push(peer);
    return peer;
  };
  const comeMany = (port: number, count: number) =>
    Promise.all(Array.from({ length: count }, () => come(port, STRANGER)));
  const answered = async (peer: Peer): Promise<string> => {
    peer.write(GET);
    return peer.until((text) => text.endsWith('answered'));
  };
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.destroy();
    await server?.close();
  });

  it('are so many of one address, while others are answered, and the first that is refused is a warning', async () => {
    const port = await start();
    const many = await comeMany(port, 3 * MAX_CONNECTIONS);
    expect(await answered(await come(port, CLIENT))).toMatch(/^HTTP\/1.1 200 /);
    await expect.poll(() => many.filter(({ socket }) => socket.destroyed).length).toBe(many.length - MAX);
    expect(watch.refusals).toBe(many.length - MAX);
    expect(logger.texts('warn').length).toBe(1);
  });

  it('count no more once they have been answered or have gone', async () => {
    const port = await start();
    for (let n = 0; n < 2 * MAX; n++) expect(await answered(await come(port, STRANGER))).toContain('200 OK');
    for (let n = 0; n < 2 * MAX; n++) {
      const silent = await come(port, STRANGER);
      silent.socket.destroy();
      await silent.closed;
      await expect.poll(async () => answered(await come(port, STRANGER)).catch(() => '')).toContain('200 OK');
    }
  });

  it('have whoever is answered beside half of them close its connection', async () => {
    const port = await start();
    await comeMany(port, MAX / 2);
    expect(await answered(await come(port, STRANGER))).toMatch(/^connection: close/im);
    expect(await answered(await come(port, CLIENT))).toMatch(/^connection: keep-alive/im);
  });

  it('are any number of a proxy that is trusted', async () => {
    const port = await start({ trustedProxies: [STRANGER] });
    await comeMany(port, 2 * MAX);
    expect(await answered(await come(port, STRANGER))).toMatch(/^connection: keep-alive/im);
    expect(logger.texts('warn')).toEqual([]);
  });

  it('count with TLS from the first byte on until they are answered', async () => {
    const certificates = makeCertificates(['DNS:localhost', 'IP:127.0.0.1']);
    const { certificate, key } = certificates.server;
    const tls = {
      ...{ cert: certificates.text(certificate), key: certificates.text(key) },
      ...{ certFile: certificate, keyFile: key },
    };
    const port = await start({ tls });
    certificates.remove();
    const secured = async (): Promise<string> => {
      const socket = connectTls({ port, host: LOCAL, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return answered(new Peer(socket));
    };
    for (let n = 0; n < 2 * MAX; n++) expect(await secured()).toContain('200 OK');
    await Promise.all(Array.from({ length: MAX }, () => come(port, LOCAL)));
    await expect(secured()).rejects.toThrow();
  });
});
