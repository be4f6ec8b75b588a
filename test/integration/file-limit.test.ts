// A node whose strangers spend every descriptor that clients may have: it answers others, and operators all the time, and lives.

import { describe, expect, it } from 'vitest';
import { Peer, upgradeText } from '../support/engine-peer.js';
import { startFanfare } from '../support/process.js';
import { frame } from '../support/web-socket-frames.js';

const OPEN_FILES = 560;
const STRANGERS = 2_000;
const AT_ONCE = 100;
const BAD_CONNECT = frame('{"type":"connect","id":1,"version":1,"token":"bad"}');

describe.each(['uws', 'ws'] as const)('a node on %s with 560 open files', (engine) => {
  it('lives and answers while 2,000 strangers show bad tickets and never close, and operators meanwhile', async () => {
    const env = { FANFARE_PORT: '0', FANFARE_OPS_PORT: '0', FANFARE_ENGINE: engine, FANFARE_LOG_LEVEL: 'warn' };
    const server = await startFanfare(['start'], { env, openFiles: OPEN_FILES });
    const port = Number(new URL(server.url).port);
    const strangers: Peer[] = [];
    for (let count = 0; count < STRANGERS; count += AT_ONCE) {
      const come = Array.from({ length: AT_ONCE }, async () => {
        const peer = await Peer.connect(port, '127.0.0.1', true);
        strangers.push(peer);
        peer.socket.once('data', () => peer.write(BAD_CONNECT));
        peer.write(upgradeText().replace('/ws', '/v1/ws'));
        await peer.until((text) => text.includes('token_')).catch(() => undefined);
      });
      await Promise.allSettled(come);
    }
    for (const path of ['/metrics', '/readyz', '/v1/nodes']) {
      expect([path, (await fetch(`${server.ops}${path}`)).status]).toEqual([path, 200]);
    }
    for (const stranger of strangers) stranger.socket.destroy();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect(server.log()).not.toContain('EMFILE');
    expect((await server.stop()).code).toBe(0);
  });
});
