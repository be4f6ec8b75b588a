// TLS in the engines themselves: what is shown to whom, also once the certificate has been replaced, and what stays open then.

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { TlsPair } from '../../src/lib/tls-pair.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';

let first: Certificates;
let second: Certificates;
beforeAll(() => {
  first = makeCertificates(['DNS:push.test', 'IP:127.0.0.1']);
  second = makeCertificates(['DNS:push.test', 'IP:127.0.0.1']);
});
afterAll(() => {
  first.remove();
  second.remove();
});

/** The engine reads files of its own, which a test may replace. */
function pairOf({ server: { certificate, key } }: Certificates, files = first): TlsPair {
  const [certFile, keyFile] = [`${files.server.certificate}.live`, `${files.server.key}.live`];
  cpSync(certificate, certFile);
  cpSync(key, keyFile);
  return { certFile, keyFile, cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

function serialOf(certificates: Certificates): string {
  return serialIn(readFileSync(certificates.server.certificate, 'utf8'));
}

describe.each(ENGINES)('TLS on the %s engine', (name) => {
  let host: EngineHost;
  const open: { destroy(): void }[] = [];
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await host.close();
  });
  const start = (setup: Parameters<typeof startEngine>[1] = {}) =>
    startEngine(name, { ...setup, options: { tls: pairOf(first), ...setup.options } });

  const handshake = async (servername?: string): Promise<TLSSocket> => {
    const socket = connect({
      host: '127.0.0.1',
      port: host.port,
      rejectUnauthorized: false,
      servername: servername ?? '',
    });
    open.push(socket);
    await once(socket, 'secureConnect');
    return socket;
  };
  const shown = async (servername?: string) => (await handshake(servername)).getPeerCertificate().serialNumber;
  const webSocket = async (ca: Certificates): Promise<WebSocket> => {
    const ws = new WebSocket(`wss://127.0.0.1:${host.port}/`, { ca: readFileSync(ca.ca) });
    open.push({ destroy: () => ws.terminate() });
    await once(ws, 'open');
    return ws;
  };
  const answer = (more: RequestOptions = {}) =>
    new Promise<string>((resolve, reject) => {
      const url = `https://127.0.0.1:${host.port}/`;
      const request = get(url, { ca: readFileSync(first.ca), agent: false, ...more }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => resolve(`${response.statusCode} ${text}`));
      });
      request.once('error', reject);
    });

  it('serves requests and WebSockets by a certificate that clients can verify', async () => {
    host = await start();
    await expect(answer()).resolves.toBe('200 ok');
    const ws = await webSocket(first);
    ws.send('hello');
    const handler = await host.accepted.next();
    expect(await handler.events.next()).toBe('open');
    expect(await handler.events.next()).toBe('text hello');
  });

  it('shows the one certificate to whoever names a server, another server, or none', async () => {
    host = await start();
    for (const name of ['push.test', 'other.test', undefined]) expect(await shown(name)).toBe(serialOf(first));
  });

  it('shows a new certificate to everybody who comes later, and drops nobody who is there', async () => {
    host = await start();
    const ws = await webSocket(first);
    const handler = await host.accepted.next();
    (await handler.socket).subscribe('news');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    open.push(agent);
    await expect(answer({ agent })).resolves.toBe('200 ok');
    for (const certificates of [second, first, second]) {
      host.engine.renewTls(pairOf(certificates));
      for (const name of ['push.test', undefined]) expect(await shown(name)).toBe(serialOf(certificates));
      // The connection from before: it has never heard of the second authority.
      await expect(answer({ agent })).resolves.toBe('200 ok');
      const later = await webSocket(certificates);
      const laterHandler = await host.accepted.next();
      (await laterHandler.socket).subscribe('news');
      const both = Promise.all([once(ws, 'message'), once(later, 'message')]);
      host.engine.publish('news', Buffer.from('told'));
      expect((await both).map(([data]) => String(data))).toEqual(['told', 'told']);
      later.terminate();
    }
    expect(ws.readyState).toBe(WebSocket.OPEN);
  });

  it('takes files that begin with a byte order mark, and leaves no copy of them behind', async () => {
    const copies = () => readdirSync(tmpdir()).filter((one) => one.startsWith('fanfare-tls-'));
    const before = copies();
    const marked = (certificates: Certificates) => {
      const pair = pairOf(certificates);
      writeFileSync(pair.certFile, `\ufeff${pair.cert}`);
      writeFileSync(pair.keyFile, `\ufeff${pair.key}`);
      return pair;
    };
    host = await start({ options: { tls: marked(first) } });
    expect(await shown('push.test')).toBe(serialOf(first));
    expect(host.engine.tlsProblem?.(marked(second))).toBeUndefined();
    host.engine.renewTls(marked(second));
    expect(await shown('push.test')).toBe(serialOf(second));
    expect(copies()).toEqual(before);
  });

  it('says where no copy can be made of a file with a byte order mark', async () => {
    host = await start();
    const pair = pairOf(first);
    writeFileSync(pair.keyFile, `\ufeff${pair.key}`);
    vi.stubEnv('TMPDIR', '/nowhere');
    try {
      const message = expect.stringMatching(
        /^begins with a byte order mark, and cannot be copied without it: .*ENOENT/,
      );
      expect(host.engine.tlsProblem?.(pair)).toEqual(name === 'uws' ? { part: 'key', message } : undefined);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('goes on with the certificate before where the new one cannot be used', async () => {
    host = await start();
    const bad = pairOf(second);
    writeFileSync(bad.keyFile, 'nothing');
    expect(() => host.engine.renewTls({ ...bad, key: 'nothing' })).toThrow();
    expect(await shown('push.test')).toBe(serialOf(first));
    await expect(answer()).resolves.toBe('200 ok');
  });

  it('lets nobody else listen at its port', async () => {
    host = await start();
    host.engine.renewTls(pairOf(second));
    await expect(startEngine(name, { options: { tls: pairOf(first), port: host.port } })).rejects.toThrow(/EADDRINUSE/);
    expect(await shown('push.test')).toBe(serialOf(second));
  });

  it('closes on who does not speak TLS, and serves the next', async () => {
    host = await start();
    const plain = connectTcp(host.port, '127.0.0.1');
    open.push(plain);
    plain.on('error', () => {});
    plain.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(plain, 'close');
    await expect(answer()).resolves.toBe('200 ok');
    expect(host.failures).toEqual([]);
  });

  const atMostTwo = (refused: () => void) => ({ handshakes: { max: 2, isShared: () => false, refused } });

  it('counts by address who has come and said nothing, before the handshake of TLS and behind it', async () => {
    let refused = 0;
    host = await start({ options: atMostTwo(() => refused++) });
    const silent = connectTcp(host.port, '127.0.0.1');
    open.push(silent);
    await once(silent, 'connect');
    await handshake('push.test');
    await expect(answer()).rejects.toThrow();
    expect(refused).toBe(1);
  });

  it('counts nobody who has been answered or let in', async () => {
    host = await start({ options: atMostTwo(() => undefined) });
    for (let n = 0; n < 4; n++) {
      await webSocket(first);
      (await (await host.accepted.next()).socket).admit();
      await expect(answer()).resolves.toBe('200 ok');
    }
  });

  it('takes a body and sends a long answer whole', async () => {
    const long = 'x'.repeat(3_000_000);
    host = await start({ request: (exchange) => exchange.respond(200, {}, long) });
    expect((await answer()).length).toBe(long.length + 4);
  });

  it('closes what is open when it ends', async () => {
    host = await start();
    const ws = await webSocket(first);
    const silent = await handshake();
    const gone = Promise.all([once(ws, 'close'), once(silent, 'close')]);
    await host.close();
    await gone;
  });
});

function serialIn(pem: string): string {
  return new X509Certificate(pem).serialNumber;
}
