// What a handler of `Request`s is told of headers with more than ASCII in them: the same on both engines, and it is always called.

import { afterEach, describe, expect, it } from 'vitest';
import { asFallback } from '../../src/cli/fetch-adapter.js';
import { Origins } from '../../src/http/origins.js';
import { silentLogger } from '../../src/lib/logger.js';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';
import { Peer, requestText } from '../support/engine-peer.js';

describe.each(ENGINES)('headers on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  /** What `lines` are answered with, of a handler that tells the bytes of the header of a city, or throws. */
  const answerTo = async (path: string, line: string | Buffer): Promise<string> => {
    const handler = async (request: Request): Promise<Response> => {
      if (request.url.endsWith('/throw')) throw new Error('a handler threw');
      return new Response(`city: ${Buffer.from(request.headers.get('x-city') ?? '', 'latin1').toString('hex')}.`);
    };
    const host = await startEngine(name, { request: asFallback(handler, new Origins(['*']), silentLogger) });
    hosts.push(host);
    const peer = await Peer.connect(host.port);
    const [before = '', after = ''] = requestText('GET', path, ['HERE']).split('HERE');
    peer.write(Buffer.concat([Buffer.from(before), Buffer.from(line), Buffer.from(after)]));
    const text = await peer.until((got) => /\.$|\}$/.test(got));
    peer.reset();
    return text;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it.each(['Paris', 'Zürich', 'Wrocław', '東京', 'Springfield 🏙'])('are handed on byte by byte: %s', async (city) => {
    expect(await answerTo('/', `X-City: (${city})`)).toContain(`city: ${Buffer.from(`(${city})`).toString('hex')}.`);
  });

  it('that are no UTF-8 keep nobody from being answered', async () => {
    expect(await answerTo('/', Buffer.from('X-City: Z\xfcrich', 'latin1'))).toMatch(/^HTTP\/1.1 200 .*city: 5a/s);
  });

  it('keep nobody from being told what went wrong, also as an origin', async () => {
    expect(await answerTo('/throw', 'Origin: http://Wrocław.example')).toMatch(/^HTTP\/1.1 500 .*"code":"internal"/s);
  });
});
