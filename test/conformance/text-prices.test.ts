// What is long costs more before anybody parses it: bodies by HTTP and frames, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { Peer, requestText } from '../support/engine-peer.js';
import { SocketClient } from '../support/feed.js';
import { type PostAnswer, post } from '../support/http-post.js';
import { PUBLISH_KEY, startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';

const ONCE = (burst: number) => ({ perSecond: 0.001, burst });
const KIB = 1024;
const SMALL = JSON.stringify({ channel: 'news', data: 1 });
/** Refused once it has been parsed, which is what costs. */
const junk = (kib: number) => `{${' '.repeat(kib * KIB)}}`;

describe.each(['uws', 'ws'] as const)('long texts on the %s engine', (engine) => {
  let node: TestNode;
  let client: SocketClient | undefined;
  afterEach(async () => {
    client?.close();
    client = undefined;
    await node.close();
  });
  const start = async (setup: Omit<TestNodeSetup, 'engine'>) => {
    node = await startNode({ engine, ...setup });
  };
  const publish = (body: string, headers: Record<string, string> = {}): Promise<PostAnswer> =>
    post(`${node.url}/v1/publish`, body, { ticket: node.ticket(), headers });
  /** How many small publishes are left. */
  const left = async () => {
    let count = 0;
    while ((await publish(SMALL)).status === 200) count++;
    return count;
  };
  /** One whose length nobody knows beforehand. */
  const inChunks = async (body: string): Promise<number> => {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${node.ticket()}` };
    const parts = new Blob([body]).stream();
    const init = { method: 'POST', headers, body: parts, duplex: 'half' };
    return (await fetch(`${node.url}/v1/publish`, init as RequestInit)).status;
  };

  it.each([
    [1, 9],
    [127, 9],
    [128, 8],
    [640, 0],
  ])('a publish whose body has %i KiB leaves %i small ones of ten', async (kib, rest) => {
    await start({ publishRate: ONCE(10) });
    expect((await publish(junk(kib))).status).toBe(400);
    expect(await left()).toBe(rest);
  });

  it('one that costs more than is left is not read, and says when it would pass', async () => {
    await start({ publishRate: { perSecond: 1, burst: 10 } });
    expect((await publish(junk(384))).status).toBe(400);
    const refused = await publish(junk(512));
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(refused.body.retryAfterMs)).toBeGreaterThan(2_000);
    const peer = await Peer.connect(Number(new URL(node.url).port));
    const lines = [`Authorization: Bearer ${node.ticket()}`, 'Content-Type: application/json'];
    peer.write(requestText('POST', '/v1/publish', [...lines, `Content-Length: ${512 * KIB}`]));
    await peer.until((text) => text.startsWith('HTTP/1.1 429'));
    peer.reset();
    expect((await publish(SMALL)).status).toBe(200);
  });

  it('one that comes in chunks costs as much, before it is parsed', async () => {
    await start({ publishRate: ONCE(10) });
    expect(await inChunks(junk(384))).toBe(400);
    expect(await inChunks(junk(384))).toBe(429);
    // What it had to pay beforehand is gone.
    expect(await left()).toBe(3);
  });

  it('the longest that there may be passes a limit of fewer units, once', async () => {
    await start({ publishRate: ONCE(3) });
    expect((await publish(junk(1_000))).status).toBe(400);
    expect(await left()).toBe(0);
  });

  it('a backend pays nothing', async () => {
    await start({ publishRate: ONCE(1) });
    const url = `${node.url}/v1/publish`;
    for (let n = 0; n < 3; n++) expect((await post(url, junk(640), { ticket: PUBLISH_KEY })).status).toBe(400);
  });

  it.each(['a client', 'a backend'])('more members and items than any message has are not parsed: %s', async (who) => {
    await start({});
    const url = `${node.url}/v1/publish`;
    const asked = { ticket: who === 'a client' ? node.ticket() : PUBLISH_KEY };
    const many = `{${'"":1,'.repeat(30_000)}"channel":"news","data":1}`;
    const refused = await post(url, many, asked);
    expect(refused).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    // 64 KiB of nothing but quotes and commas.
    const densest = `[${'"",'.repeat(21_844)}""]`;
    const body = `{"channel":"news","data":${densest},"key":"k"}`;
    expect(densest).toHaveLength(64 * KIB);
    expect((await post(url, body, asked)).status).toBe(200);
    expect((await post(url, body.replaceAll(',', ' ,\n'), asked)).status).toBe(who === 'a client' ? 413 : 413);
  });

  it('a frame costs as much, where frames may be long', async () => {
    await start({ commandRate: ONCE(10), options: { maxFrameBytes: 1024 * KIB } });
    client = new SocketClient(node.url);
    client.connect(node.ticket());
    await client.events.nextOf('connected');
    const command = { type: 'unsubscribe', channels: ['news'] };
    client.command({ ...command, x: 'x'.repeat(512 * KIB) });
    client.command(command);
    client.command(command);
    const answers = await client.events.take(3, 'error');
    expect(answers.map(({ code }) => code)).toEqual(['not_subscribed', 'not_subscribed', 'rate_limited']);
  });
});
