// A node that speaks TLS itself: every transport, and a limit of addresses that sees its clients without a proxy.

import { cpSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { SocketClient } from '../support/feed.js';
import { PUBLISH_KEY, startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates(['IP:127.0.0.1']);
});
afterAll(() => {
  certificates.remove();
});

function pairOf({ server: { certificate, key } }: Certificates) {
  const [certFile, keyFile] = [`${certificate}.live`, `${key}.live`];
  cpSync(certificate, certFile);
  cpSync(key, keyFile);
  return { certFile, keyFile, cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

describe.each(['uws', 'ws'] as const)('a node with a certificate on the %s engine', (engine) => {
  let node: TestNode;
  let open: { close(): void }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    open = [];
    await node.close();
  });
  const start = async (setup: Partial<TestNodeSetup> = {}) => {
    node = await startNode({ engine, ...setup, options: { tls: pairOf(certificates) } });
  };
  const ca = () => readFileSync(certificates.ca);

  function socket(ticket = node.ticket()): SocketClient {
    const client = new SocketClient(node.url, { ca: ca() });
    open.push(client);
    client.connect(ticket);
    return client;
  }

  /** `until`: resolves with what has come by then, and goes. */
  function post(path: string, body: object, { from = '127.0.0.1', ticket = node.ticket(), until = '' } = {}) {
    return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const headers = { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' };
      const options = { method: 'POST', agent: false, ca: ca(), localAddress: from, headers } as const;
      const sent = request(`${node.url}${path}`, options, (answer) => {
        let text = '';
        const done = () => resolve({ status: answer.statusCode, text });
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (until === '' || !text.includes(until)) return;
          done();
          sent.destroy();
        });
        answer.once('end', done).on('error', done);
      });
      sent.once('error', reject);
      sent.end(JSON.stringify(body));
    });
  }
  const publish = (data: unknown) => post('/v1/publish', { channel: 'news', data }, { ticket: PUBLISH_KEY });

  it('delivers by WebSocket, stream, long poll and poll', async () => {
    await start();
    expect(node.url).toMatch(/^https:/);
    const client = socket();
    client.command({ type: 'subscribe', channels: { news: 'now' } });
    await client.events.nextOf('subscribed');
    const stream = post('/v1/stream', { channels: { news: 'now' } }, { until: 'told' });
    const begun = JSON.parse((await post('/v1/poll', { channels: { news: 'now' }, waitMs: 0 })).text);
    const { offset } = begun.channels.news;
    const waiting = post('/v1/poll', { channels: { news: offset }, waitMs: 10_000 });
    await expect.poll(() => node.node.stats()).toMatchObject({ waitingPolls: 1, streams: 1 });
    expect((await publish('told')).status).toBe(200);
    expect(await client.events.nextOf('message')).toMatchObject({ data: 'told' });
    expect((await stream).text).toContain('"told"');
    expect((await waiting).text).toContain('"told"');
    expect((await post('/v1/poll', { channels: { news: offset }, waitMs: 0 })).text).toContain('"told"');
  });

  it('counts the addresses of its clients, with no proxy to name them', async () => {
    await start({ limits: { addresses: { rate: { units: 3, perMs: 3_600_000 } } } });
    const poll = (from: string) => post('/v1/poll', { channels: { news: 'now' }, waitMs: 0 }, { from });
    const client = socket();
    await client.events.nextOf('connected');
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await poll('127.0.0.1')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await poll('127.0.0.2')).status).toBe(200);
    const late = socket();
    expect(await late.events.nextOf('error')).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
    expect(await late.events.nextOf('closed')).toMatchObject({ code: 4004 });
  });
});
