// Debian's nginx and haproxy in front of a real cluster, as deploy/ configures them: nothing is lost, held back or turned into a fault.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Transport } from '../../client-sdk/types.js';
import { LIMITS } from '../../src/protocol/index.js';
import { ADMIN_KEY, type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { curl, makeClients } from '../support/language-clients.js';
import { hasProxy, makeProxy, PROXIES, type ProxyServer } from '../support/proxy.js';
import { freePort } from '../support/redis.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
/** Far below the 200 ms for which haproxy holds small pieces back by itself, with room for a busy machine in most of them. */
const QUICK_MS = 100;
/** Below what a user may poll at, and five empty answers within half a second would be a loop to the SDK, which it leaves. */
const POLL_MS = 300;

// The certificate is the test's own: its clients need not know who signed it.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

interface Answer {
  readonly status: number;
  readonly code: unknown;
}

/** One request on a connection of its own, which goes on sending whatever is answered. */
async function ask(url: string, method: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  const sent = request(url, {
    method,
    agent: false,
    headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) },
  });
  sent.on('error', () => {});
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  const code = text.startsWith('{') ? JSON.parse(text).code : undefined;
  return { status: response.statusCode, code };
}

describe('the configurations of deploy/', () => {
  const seconds = (file: string, setting: string): number => {
    const text = readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');
    return Number(new RegExp(`^ *${setting} (\\d+)s;?$`, 'm').exec(text)?.[1]);
  };

  it.each([
    ['nginx.conf', ['proxy_read_timeout', 'proxy_send_timeout']],
    ['haproxy.cfg', ['timeout client', 'timeout server', 'timeout tunnel']],
  ])('wait longer than any node is silent: %s', (file, settings) => {
    const silentSeconds = Math.max(LIMITS.maxPollWaitMs, LIMITS.maxHeartbeatMs) / 1_000;
    for (const setting of settings) expect([setting, seconds(file, setting) > silentSeconds]).toEqual([setting, true]);
  });

  it('keep no connection for as long as a node does', () => {
    // Fixed in the native build of uWebSockets.js.
    expect(seconds('nginx.conf', 'keepalive_timeout')).toBeLessThan(10);
  });
});

describe.each(PROXIES)('behind %s', (name) => {
  const titled = describe.skipIf(!hasProxy(name));
  titled('as an operator copies its configuration', () => {
    let proxy: ProxyServer;
    let cluster: Cluster;
    let channels = 0;
    /** Where clients were: discovery chooses. */
    const nodes = new Set<string>();
    beforeAll(async () => {
      proxy = await makeProxy(name);
      const env = {
        FANFARE_TRUSTED_PROXIES: '127.0.0.1',
        FANFARE_ORIGINS: 'https://app.example.com',
        NODE_EXTRA_CA_CERTS: proxy.certificate,
      };
      cluster = await startCluster({ engines: [], env });
      const startNode = async (n: 1 | 2, engine: 'uws' | 'ws') => {
        const port = String(await freePort(proxy.host));
        const own = { FANFARE_HOST: proxy.host, FANFARE_PORT: port, FANFARE_NODE_URL: `${proxy.url}/n/${n}` };
        await cluster.startNode(`n${n}`, engine, own);
        return `${proxy.host}:${port}`;
      };
      const nodes = await Promise.all([startNode(1, 'uws'), startNode(2, 'ws')]);
      await proxy.start({ discovery: new URL(cluster.discovery.url).host, nodes });
    });
    afterAll(async () => {
      await cluster.close();
      await proxy.stop();
    });

    it.each(TRANSPORTS)('%s gets each message at once, from whichever node', async (transport) => {
      const channel = `room:${transport}-${++channels}`;
      const clients = await Promise.all(
        Array.from({ length: 8 }, async (_, index) => {
          const token = await cluster.token(`u${index}`);
          return createClient({ url: proxy.url, token, transports: [transport], pollIntervalMs: POLL_MS });
        }),
      );
      const heard = clients.map(() => [] as number[]);
      await Promise.all(
        clients.map(async (client, index) => {
          client.on('state', (state) => {
            if (state.type === 'connected') nodes.add(state.node);
          });
          const subscription = client.subscribe(channel);
          subscription.on('message', ({ data }) => heard[index]?.push(data as number));
          await expect.poll(() => subscription.state.type).toBe('subscribed');
        }),
      );
      const tookMs: number[] = [];
      for (let n = 0; n < 10; n++) {
        const sentAt = performance.now();
        const headers = { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' };
        const body = JSON.stringify({ channel, data: n });
        expect(await ask(`${proxy.url}/n/1/v1/publish`, 'POST', headers, body)).toMatchObject({ status: 200 });
        await expect.poll(() => heard.every((data) => data.includes(n)), { interval: 2 }).toBe(true);
        tookMs.push(performance.now() - sentAt);
      }
      for (const data of heard) expect(data).toEqual(Array.from({ length: 10 }, (_, n) => n));
      expect(Math.min(...tookMs)).toBeLessThan(transport === 'short-poll' ? POLL_MS + QUICK_MS : QUICK_MS);
      for (const client of clients) client.close();
    });

    it('the nodes of both engines have had clients', () => {
      expect([...nodes].sort()).toEqual(['n1', 'n2']);
    });

    it('a refusal stays what it is, whatever the size of the body that nobody reads', async () => {
      const json = { 'Content-Type': 'application/json' };
      const bearer = { Authorization: `Bearer ${PUBLISH_KEY}` };
      const kinds = [
        { headers: { ...json, ...bearer, Origin: 'https://evil.example' }, status: 403, code: 'origin_denied' },
        { headers: { ...bearer, 'Content-Type': 'text/plain' }, status: 415, code: 'unsupported_media_type' },
        { headers: { ...json, Authorization: 'Bearer no.such.token' }, status: 401, code: 'token_malformed' },
        { headers: { ...json, ...bearer }, path: '/v1/nothing', sizes: [60_000], status: 404, code: 'not_found' },
        { headers: { ...json, ...bearer }, sizes: [1_200_000], status: 413, code: 'payload_too_large' },
      ];
      for (const node of [1, 2]) {
        for (const { headers, path = '/v1/publish', sizes = [60_000, 300_000], status, code } of kinds) {
          for (const size of sizes) {
            const url = `${proxy.url}/n/${node}${path}`;
            const tries = Array.from({ length: 10 }, () => ask(url, 'POST', headers, 'x'.repeat(size)));
            const seen = new Set((await Promise.all(tries)).map((answer) => `${answer.status} ${answer.code}`));
            expect([node, size, ...seen]).toEqual([node, size, `${status} ${code}`]);
          }
        }
      }
    });

    it('operators’ paths are not there, however they are spelt', async () => {
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      const paths = [
        '/metrics',
        '/readyz',
        '/v1/nodes',
        '/v1/nodes/n1/drain',
        '/v1/revocations',
        '/v1/users/u1/disconnect',
        '/%6detrics',
        '//metrics',
        '/./metrics',
      ];
      for (const path of paths.flatMap((one) => [one, `/n/1${one}`, `/n/2${one}`, `/n/1/x/..${one}`])) {
        const { status } = await ask(`${proxy.url}${path}`, 'GET', headers);
        expect([path, status]).toEqual([path, 404]);
      }
    });

    it.each(['--http1.0', '--http1.1', '--http2'])(
      'curl publishes, streams and polls with %s, but for 1.0 behind haproxy, which hands that on to uws',
      async (version) => {
        const ticket = await cluster.ticket('u1');
        const client = curl(version, `-k ${version}`);
        const made = await makeClients([client]);
        const toldBy = (node: number) => {
          const url = `${proxy.url}/n/${node}`;
          return made.run(client, { url, ticket, publishKey: PUBLISH_KEY, channel: `room:curl-${++channels}` });
        };
        const first = name === 'haproxy' && version === '--http1.0' ? expect.stringContaining('error: 505') : '';
        expect(await Promise.all([toldBy(1), toldBy(2)])).toEqual([first, '']);
        made.remove();
      },
    );

    it('plain HTTP is sent to TLS', async () => {
      const plain = await fetch(`${proxy.plainUrl}/v1/connect`, { redirect: 'manual' });
      expect([plain.status, plain.headers.get('location')]).toEqual([301, expect.stringMatching(/^https:/)]);
    });
  });
});
