// Pings, pongs and fragments, which no limit of commands counts: a peer has some, and one that sends thousands is left.

import { afterEach, describe, expect, it } from 'vitest';
import { Peer, upgradeText } from '../support/engine-peer.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { closeFrame, frame } from '../support/web-socket-frames.js';

const CONTROLS = { ping: 9, pong: 10 } as const;

let node: TestNode;
let peer: Peer;
afterEach(async () => {
  peer.socket.destroy();
  await node.close();
});

const text = (fields: object) => frame(JSON.stringify(fields));
const CLOSE = 8;
const closeOf = () => peer.frames().find(({ opcode }) => opcode === CLOSE)?.payload;
const has = (word: string) => () => peer.frames().some(({ payload }) => payload.toString().includes(word));

async function open(engine: 'uws' | 'ws', isConnected: boolean): Promise<void> {
  node = await startNode({ engine });
  peer = await Peer.connect(Number(new URL(node.url).port));
  peer.write(upgradeText().replace('/ws', '/v1/ws'));
  await peer.until((head) => head.includes('\r\n\r\n'));
  if (isConnected) await connect();
}

async function connect(): Promise<void> {
  peer.write(text({ type: 'connect', id: 1, version: 1, token: node.ticket() }));
  await peer.until(has('"connected"'));
}

describe.each(['uws', 'ws'] as const)('at a node on %s', (engine) => {
  describe.each([
    ['a client', true],
    ['a stranger', false],
  ])('%s', (_who, isConnected) => {
    it.each(Object.entries(CONTROLS))(
      'that sends thousands of frames %s is left, with a word',
      async (_kind, opcode) => {
        await open(engine, isConnected);
        const one = frame('', { opcode });
        peer.write(Buffer.concat(Array.from({ length: 5_000 }, () => one)));
        await peer.until(() => closeOf() !== undefined);
        expect(closeOf()?.readUInt16BE(0)).toBe(4004);
        expect(closeOf()?.subarray(2).toString()).toMatch(/^rate_limited: more than 64 control frames/);
      },
    );

    it('may send some of each', async () => {
      await open(engine, isConnected);
      const some = Object.values(CONTROLS).flatMap((opcode) => Array.from({ length: 32 }, () => frame('', { opcode })));
      peer.write(Buffer.concat(some));
      if (!isConnected) await connect();
      peer.write(text({ type: 'subscribe', id: 7, channels: { news: 'now' } }));
      await peer.until(has('"subscribed"'));
      expect(closeOf()).toBeUndefined();
    });
  });

  it('a peer that was left is not read on, whatever it sends', async () => {
    await open(engine, false);
    const block = Buffer.concat(Array.from({ length: 10_000 }, () => frame('', { opcode: CONTROLS.pong })));
    peer.write(block);
    await peer.until(() => closeOf() !== undefined);
    const before = peer.frames().length;
    for (let n = 0; n < 20; n++) peer.write(frame('hello', { opcode: CONTROLS.ping }));
    peer.write(closeFrame(1000));
    peer.socket.end();
    await peer.closed;
    // Not even a pong.
    expect(peer.frames().length).toBe(before);
  });

  it('a message may come in many fragments, with what the peer has to say between them', async () => {
    await open(engine, true);
    const whole = Buffer.from(JSON.stringify({ type: 'subscribe', id: 7, channels: { news: 'now' } }).padEnd(200));
    const parts = Array.from(whole, (byte, at) =>
      frame(Buffer.from([byte]), { opcode: at === 0 ? 1 : 0, fin: at === whole.length - 1 }),
    );
    parts.splice(100, 0, frame('', { opcode: CONTROLS.ping }));
    peer.write(Buffer.concat(parts));
    await peer.until(has('"subscribed"'));
  });
});

it('on ws, where each fragment keeps what was read with it, a message in thousands of them ends the link', async () => {
  await open('ws', true);
  const more = frame(' ', { opcode: 0, fin: false });
  peer.write(frame('{', { fin: false }), Buffer.concat(Array.from({ length: 300 }, () => more)));
  await peer.until(() => closeOf() !== undefined);
  expect(closeOf()?.readUInt16BE(0)).toBe(1008);
});
