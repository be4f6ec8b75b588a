// A token or an origin that is refused is one line of log a minute for each cause, and each refusal is counted by its code, on both engines.

import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { hmacJwt } from '../support/jwt.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { RecordingLogger } from '../support/recording-logger.js';

const DENIED = 'https://evil.example';

describe.each(['uws', 'ws'] as const)('what the %s engine refuses', (engine) => {
  let node: TestNode;
  let logger: RecordingLogger;

  async function start(): Promise<void> {
    logger = new RecordingLogger();
    node = await startNode({ engine, logger, allowUserTokens: true });
  }
  afterEach(() => node?.close());

  const refused = () => logger.lines.filter(({ message }) => message.endsWith('was refused'));
  const count = (code: string) => node.node.stats()[`refusals.${code}`];
  const poll = (ticket: string | undefined, headers = {}) =>
    post(`${node.url}/v1/poll`, { channels: { news: 'now' } }, { ...(ticket !== undefined && { ticket }), headers });

  it('of tokens by HTTP is told once with code, subject and the id of the answer, and counted each time', async () => {
    await start();
    const forged = hmacJwt({ sub: 'mallory', exp: 4_000_000_000 }, { alg: 'HS256', typ: 'JWT' }, 'x'.repeat(32));
    const answers = [await poll(forged), await poll(forged), await poll(forged)];
    expect(refused()).toEqual([
      {
        level: 'warn',
        message: 'a token was refused',
        fields: {
          code: answers[0]?.body.code,
          sub: 'mallory',
          origin: undefined,
          requestId: answers[0]?.body.requestId,
        },
      },
    ]);
    expect(answers[0]?.headers['fanfare-request-id']).toBe(answers[0]?.body.requestId);
    expect(new Set(answers.map(({ body }) => body.requestId)).size).toBe(3);
    expect(count(String(answers[0]?.body.code))).toBe(3);
    expect(JSON.stringify(logger.lines)).not.toContain(forged);
  });

  it('of tickets on WebSockets is told once, and counted each time', async () => {
    await start();
    for (let n = 0; n < 3; n++) {
      const client = new SocketClient(node.url);
      client.connect(node.ticket('late', {}, -60_000));
      await client.events.nextOf('closed');
    }
    expect(refused().map(({ fields }) => fields)).toEqual([{ code: 'token_expired', sub: 'late' }]);
    expect(count('token_expired')).toBe(3);
  });

  it('of origins is told once for each, by HTTP and at the handshake alike, and counted each time', async () => {
    await start();
    const answer = await poll(node.ticket(), { Origin: DENIED });
    await poll(node.ticket(), { Origin: DENIED });
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/ws`, { origin: DENIED });
    socket.on('error', () => {});
    await once(socket, 'unexpected-response');
    await poll(node.ticket(), { Origin: 'https://other.example' });
    expect(refused().map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ code: 'origin_denied', origin: DENIED, requestId: answer.body.requestId }),
      expect.objectContaining({ code: 'origin_denied', origin: 'https://other.example' }),
    ]);
    expect(answer.body.requestId).toEqual(expect.any(String));
    expect(count('origin_denied')).toBe(4);
  });

  it('of anything else is counted by its code, commands included, and no line', async () => {
    await start();
    await post(`${node.url}/v1/poll`, '{', { ticket: node.ticket() });
    await poll(node.ticket('reader', { subscribe: ['other'] }));
    const client = new SocketClient(node.url);
    client.connect(node.ticket('u1', { publish: [] }));
    await client.events.nextOf('connected');
    client.command({ type: 'publish', channel: 'news', data: 1 });
    await client.events.nextOf('error');
    client.close();
    expect({ json: count('body_not_json'), read: count('forbidden_channel'), publish: count('forbidden') }).toEqual({
      ...{ json: 1, read: 1, publish: 1 },
    });
    expect(refused()).toEqual([]);
  });
});
