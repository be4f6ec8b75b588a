// What the engines refuse by themselves, and that they live on: raw HTTP, handshakes, limits, listening.

import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, type EngineHost, type HostSetup, startEngine } from '../support/engine-host.js';
import { KEY, Peer, requestText, untilServed, upgradeText } from '../support/engine-peer.js';

/** The code of a problem document. */
const codeOf = (text: string): string => (JSON.parse(text.slice(text.indexOf('{'))) as { code: string }).code;

describe.each(ENGINES)('limits of the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup?: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  const answerTo = async (host: EngineHost, ...segments: readonly string[]): Promise<string> => {
    const peer = await Peer.connect(host.port);
    for (const segment of segments) {
      peer.write(segment);
      // The next segment travels by itself: another connection has made its round trip.
      if (segments.length > 1) await (await fetch(host.url)).text();
    }
    const text = await peer.until((got) => got.includes('\r\n\r\n') && /[}k>]$/.test(got));
    peer.socket.destroy();
    return text;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it.each([
    ['two lengths', ['Content-Length: 2', 'Content-Length: 4'], 400, 'duplicate_header'],
    ['two hosts', ['Host: other'], 400, 'duplicate_header'],
    ['two tokens', ['Authorization: Bearer a', 'Authorization: Bearer b'], 401, 'token_malformed'],
  ])('refuses a request with %s', async (_title, lines, status, code) => {
    const host = await start({ errorHeaders: (origin) => ({ 'X-Origin': origin ?? 'none' }) });
    const text = await answerTo(host, requestText('POST', '/', lines, '{"}'));
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(codeOf(text)).toBe(code);
    expect(text).toMatch(/application\/problem\+json/);
    expect(text).toMatch(/x-origin: none/i);
  });

  it('takes headers under its cap and refuses them over it, in one segment as in two', async () => {
    const host = await start();
    for (const [bytes, status] of [
      [5_000, 200],
      [9_000, 431],
    ] as const) {
      const text = requestText('GET', '/', [`X-Long: ${'x'.repeat(bytes)}`]);
      expect(await answerTo(host, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(await answerTo(host, text.slice(0, 3_000), text.slice(3_000))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
    const large = requestText('GET', '/', [`X-Long: ${'x'.repeat(100_000)}`]);
    expect(await answerTo(host, large)).toMatch(/^HTTP\/1.1 431 /);
  });

  it('refuses a URL over its cap', async () => {
    const host = await start();
    expect(codeOf(await answerTo(host, requestText('GET', `/${'x'.repeat(5_000)}`)))).toBe('uri_too_long');
    expect(codeOf(await answerTo(host, requestText('GET', `/?${'x'.repeat(4_095)}`)))).toBe('uri_too_long');
    expect(await answerTo(host, requestText('GET', `/?${'x'.repeat(4_094)}`))).toMatch(/^HTTP\/1.1 200 /);
  });

  it('refuses sockets beyond its cap at once, and has room again when others leave', async () => {
    const host = await start({ options: { maxSockets: 10 } });
    const inside = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index < 5 ? Peer.upgraded(host.port) : Peer.connect(host.port))),
    );
    const refused = await Promise.all(Array.from({ length: 5 }, () => Peer.connect(host.port)));
    expect(await Promise.all(refused.map((peer) => peer.closed))).toEqual(['', '', '', '', '']);
    for (const peer of inside) peer.reset();
    await untilServed(host.port, 10);
  });

  it.each([
    ['without a version', upgradeText([], ['Sec-WebSocket-Version'])],
    ['with version 8', upgradeText(['Sec-WebSocket-Version: 8'], ['Sec-WebSocket-Version'])],
    ['without a key', upgradeText([], ['Sec-WebSocket-Key'])],
    ['with a short key', upgradeText(['Sec-WebSocket-Key: abc'], ['Sec-WebSocket-Key'])],
    ['with a key that is no base64', upgradeText([`Sec-WebSocket-Key: ${'!'.repeat(24)}`], ['Sec-WebSocket-Key'])],
    ['by POST', upgradeText([], [], 'POST')],
    ['that the Connection header does not name', upgradeText([], ['Connection'])],
  ])('answers 426 to an upgrade %s', async (_title, text) => {
    const host = await start();
    const answer = await answerTo(host, text);
    expect(answer).toMatch(/^HTTP\/1.1 426 /);
    expect(answer).toMatch(/sec-websocket-version: 13\r\n/i);
    expect(codeOf(answer)).toBe('upgrade_required');
    expect(host.accepted.waiting).toEqual([]);
  });

  it('gives a plain GET, and an upgrade to something else, to the node like any other request', async () => {
    const host = await start({ request: (exchange) => exchange.respond(200, {}, `${exchange.path} ok`) });
    expect(await answerTo(host, requestText('GET', '/ws'))).toContain('/ws ok');
    expect(await answerTo(host, requestText('GET', '/ws', [`Sec-WebSocket-Key: ${KEY}`]))).toContain('/ws ok');
    const http2 = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];
    expect(await answerTo(host, requestText('GET', '/a?b', http2))).toContain('/a ok');
  });

  it('lets the node decide an upgrade by what it says', async () => {
    const host = await start({
      upgrade: (request) => {
        const { path, query, remoteAddress } = request;
        if (path === '/throw') throw new Error('in upgrade');
        if (path === '/ws') return undefined;
        const body = JSON.stringify({ path, query, remoteAddress, origin: request.header('origin') });
        return { accept: false, status: 403, headers: { 'X-A': 'b' }, body };
      },
    });
    const refused = await answerTo(host, upgradeText(['Origin: https://a.example']).replace('/ws', '/no?x=1'));
    expect(refused).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(refused).toMatch(/x-a: b/i);
    expect(JSON.parse(refused.slice(refused.indexOf('{')))).toEqual({
      path: '/no',
      query: 'x=1',
      remoteAddress: '127.0.0.1',
      origin: 'https://a.example',
    });
    expect(codeOf(await answerTo(host, upgradeText().replace('/ws', '/throw')))).toBe('internal');
    expect(host.failures).toHaveLength(1);
    await Peer.upgraded(host.port);
  });

  it('names the subprotocol that the node chose, and none otherwise; negotiates no extension', async () => {
    const handler = { open() {}, text() {}, binary() {}, tooLarge() {}, pong() {}, drain() {}, close() {} };
    const host = await start({
      upgrade: ({ query }) => ({ accept: true, protocol: query === '' ? undefined : query, handler }),
    });
    const offer = ['Sec-WebSocket-Protocol: one, two', 'Sec-WebSocket-Extensions: permessage-deflate'];
    for (const [query, named] of [
      ['?two', ['two']],
      ['', undefined],
    ] as const) {
      const peer = await Peer.connect(host.port);
      peer.write(upgradeText(offer).replace('/ws', `/ws${query}`));
      const text = await peer.until((got) => got.includes('\r\n\r\n'));
      expect(text).toMatch(/^HTTP\/1.1 101 /);
      expect(text.match(/(?<=sec-websocket-protocol: )\w+/i)?.slice()).toEqual(named);
      expect(text).not.toMatch(/sec-websocket-extensions/i);
      expect(text).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    }
  });

  it.each([
    ['a subprotocol with 30,000 spaces', `Sec-WebSocket-Protocol: b${' '.repeat(30_000)}x`],
    ['an extension named constructor', 'Sec-WebSocket-Extensions: constructor'],
    ['an extension with an open quote', 'Sec-WebSocket-Extensions: permessage-deflate; a="'],
  ])('refuses or ignores %s', async (_title, line) => {
    const host = await start();
    const peer = await Peer.connect(host.port);
    peer.write(upgradeText([line]));
    expect(await peer.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 (101|400|431) /);
    peer.socket.destroy();
    await untilServed(host.port);
  });

  it('survives a thousand pipelined requests and a reset', async () => {
    const host = await start({
      request: (exchange) => exchange.readBody(1_000, (body) => setImmediate(() => exchange.respond(200, {}, body))),
    });
    const one = requestText('POST', '/', ['Content-Length: 2'], 'ok');
    for (let round = 0; round < 5; round++) {
      const peer = await Peer.connect(host.port);
      peer.write(one.repeat(1_000));
      await peer.until((text) => text.includes('200 OK')).catch(() => {});
      peer.reset();
    }
    await untilServed(host.port);
    expect(host.failures).toEqual([]);
  });

  it('gets its sockets back after resets at every stage', async () => {
    const host = await start({ options: { maxSockets: 50 }, request: () => {} });
    const upgrade = upgradeText();
    const stages = ['', 'GET', requestText('GET', '/'), requestText('POST', '/', ['Content-Length: 9'], 'half')];
    for (let length = 10; length <= upgrade.length; length += 30) stages.push(upgrade.slice(0, length));
    stages.push(upgrade);
    for (let round = 0; round < 10; round++) {
      for (const stage of stages) {
        const peer = await Peer.connect(host.port);
        peer.write(stage);
        await new Promise((resolve) => peer.socket.write('', resolve));
        peer.reset();
      }
    }
    for (;;) {
      const peers = await Promise.all(
        Array.from({ length: 50 }, () => Peer.upgraded(host.port).catch(() => undefined)),
      );
      for (const peer of peers) peer?.socket.destroy();
      if (!peers.includes(undefined)) break;
    }
  });

  it('stops listening and keeps what is open; closes everything, twice, and resolves', async () => {
    const host = await start();
    const socket = await Peer.upgraded(host.port);
    const handler = await host.accepted.next();
    const idle = await Peer.connect(host.port);
    await (await fetch(host.url)).text();
    host.engine.stopListening();
    host.engine.stopListening();
    await expect(Peer.connect(host.port)).rejects.toThrow();
    (await handler.socket).send('still here');
    await socket.until((text) => text.includes('still here'));
    await Promise.all([host.close(), host.close()]);
    expect(handler.events.waiting).toEqual(['open', 'close 1006']);
    await Promise.all([socket.closed, idle.closed]);
    host.engine.publish('t', Buffer.from('nobody'));
    await host.close();
  });

  it('spells an address in one way', async () => {
    const host = await start({
      options: { host: '::' },
      request: (exchange) => exchange.respond(200, {}, exchange.remoteAddress),
    });
    expect(await (await fetch(`http://127.0.0.1:${host.port}`)).text()).toBe('127.0.0.1');
    expect(await (await fetch(`http://[::1]:${host.port}`)).text()).toBe('::1');
  });

  it('rejects when the address cannot be had, with the reason', async () => {
    const host = await start();
    await expect(start({ options: { port: host.port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(start({ options: { host: '192.0.2.1' } })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    expect((await fetch(host.url)).status).toBe(200);
  });
});
