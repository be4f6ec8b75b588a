// What every broker promises, on Redis in the shapes that people have: behind TLS, passwords, rights, certificates, a database, Sentinel, Cluster.

import { afterAll, beforeAll } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import type { RedisUrl } from '../../src/broker/redis/url.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { makeDocumentedUsers } from '../support/documented-users.js';
import { eventually } from '../support/eventually.js';
import { privateHost, startRedis } from '../support/redis.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import { startSentinel } from '../support/redis-sentinel.js';
import { describeBroker, namespaces } from './broker-suite.js';

const host = privateHost();
const places: Record<string, RedisUrl> = {};
const stopping: (() => unknown)[] = [];
let certificates: Certificates;
let named: Certificates;

async function started(options: Parameters<typeof startRedis>[0]) {
  const server = await startRedis({ host, ...options });
  stopping.push(() => server.stop());
  return server;
}

beforeAll(async () => {
  certificates = makeCertificates(['DNS:localhost', 'IP:127.0.0.1', `IP:${host}`]);
  const ca = certificates.text(certificates.ca);
  const { client } = certificates;
  const own = { certificate: certificates.text(client.certificate), key: certificates.text(client.key) };
  places.TLS = { url: (await started({ tls: { certificates, clients: 'no' } })).url, ca };
  places['client certificate'] = { url: (await started({ tls: { certificates, clients: 'yes' } })).url, ca, ...own };

  const limited = await started({});
  await makeDocumentedUsers(limited.admin);
  places['database 3'] = `${(await started({})).url}/3`;
  places['ACL user'] = `redis://fanfare-node:secret@${host}:${limited.port}`;

  const password = 'redis-password';
  const secured = { password, tls: { certificates, clients: 'no' } as const };
  const both = ['--masterauth', password, '--tls-replication', 'yes', '--repl-diskless-sync-delay', '0'];
  const master = await started({ ...secured, args: both });
  const replica = await started({ ...secured, args: [...both, '--replicaof', host, String(master.port)] });
  await eventually(async () => {
    const info = await replica.admin.info('replication');
    return info.includes('master_link_status:up') || info;
  }, 20_000);
  const sentinel = await startSentinel(master, 1, { certificates, password: 'theirs', redisPassword: password });
  stopping.push(() => sentinel.stop());
  places['Sentinel with passwords and TLS'] = { url: sentinel.url, ca, sentinelAuth: 'theirs' };

  // No address stands in it: who looks the name up before the certificate is verified gets nowhere.
  named = makeCertificates(['DNS:localhost']);
  const cluster = await startRedisCluster(named);
  stopping.push(() => cluster.stop());
  places['Cluster over TLS by name'] = { url: cluster.url, ca: named.text(named.ca) };
}, 120_000);
afterAll(async () => {
  for (const stop of stopping.reverse()) await stop();
  certificates?.remove();
  named?.remove();
});

const KINDS = [
  'TLS',
  'client certificate',
  'ACL user',
  'database 3',
  'Sentinel with passwords and TLS',
  'Cluster over TLS by name',
];
for (const kind of KINDS) {
  describeBroker(kind, () => {
    const url = places[kind] ?? '';
    return createRedisBroker({ url, prefix: 'fanfare', namespaces, logger: silentLogger });
  });
}
