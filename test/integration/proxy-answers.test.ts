// Peers that are answered before or after their request has come whole, through Debian's nginx and haproxy, by both engines.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerBy, type Kind, playAllThrough } from '../support/early-answers.js';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';
import { hasProxy, makeProxy, PROXIES, type ProxyServer } from '../support/proxy.js';

const KINDS: readonly Kind[] = [
  { title: '401', method: 'POST', path: '/401', status: 401 },
  { title: '413', method: 'POST', path: '/read', status: 413 },
  { title: '200 to a GET with a body', method: 'GET', path: '/200', status: 200 },
  { title: 'an answer that takes turns', method: 'POST', path: '/slow/415', status: 415 },
  { title: 'a body that is read late', method: 'POST', path: '/slow/read', status: 413 },
];

describe.concurrent.each(PROXIES)('behind %s', (name) => {
  const hosts: EngineHost[] = [];
  let proxy: ProxyServer;
  beforeAll(async () => {
    if (!hasProxy(name)) return;
    proxy = await makeProxy(name);
    for (const engine of ENGINES) {
      hosts.push(await startEngine(engine, { options: { maxSockets: 10_000 }, request: answerBy }));
    }
    const [first = '', second = ''] = hosts.map(({ port }) => `127.0.0.1:${port}`);
    await proxy.start({ discovery: first, nodes: [first, second] });
  });
  afterAll(async () => {
    await proxy?.stop();
    await Promise.all(hosts.map((host) => host.close()));
  });

  it.skipIf(!hasProxy(name)).each([...ENGINES])(
    'every peer that waits for the %s engine sees its answer and no fault, and nothing is left',
    async (engine) => {
      const index = ENGINES.indexOf(engine);
      const through = {
        host: proxy.host,
        port: proxy.barePort,
        prefix: `/n/${index + 1}`,
        buffers: name === 'nginx',
      };
      expect(await playAllThrough(through, hosts[index]?.port ?? 0, KINDS)).toBe('');
    },
  );
});
