// TLS in `start`, a node and discovery, as processes: what they say of themselves, of bad files, and of files that change.

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { startRedis } from '../support/redis.js';

let first: Certificates;
let second: Certificates;
let env: Record<string, string>;
beforeAll(() => {
  first = makeCertificates(['DNS:localhost', 'IP:127.0.0.1']);
  second = makeCertificates(['DNS:localhost', 'IP:127.0.0.1']);
  env = {
    FANFARE_TLS_CERT: `${first.server.certificate}.live`,
    FANFARE_TLS_KEY: `${first.server.key}.live`,
    FANFARE_PORT: '0',
  };
});
afterAll(() => {
  first.remove();
  second.remove();
});

function put({ server }: Certificates): void {
  cpSync(server.key, env.FANFARE_TLS_KEY ?? '');
  cpSync(server.certificate, env.FANFARE_TLS_CERT ?? '');
}

/** The fingerprint of what is shown there. */
function shownAt(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca: readFileSync(first.ca), agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).once('error', reject);
  });
}

describe.each(['uws', 'ws'])('start on the %s engine', (engine) => {
  let server: ServerProcess | undefined;
  afterEach(() => server?.stop());

  it('speaks TLS, is asked by its own commands, and takes a new certificate without a link being dropped', async () => {
    put(first);
    // Who has a certificate means it: nothing is signed with what everybody knows.
    const client = { NODE_EXTRA_CA_CERTS: first.ca, FANFARE_AUTH_SECRET: 's'.repeat(32) };
    server = await startFanfare(['start'], { env: { ...env, ...client, FANFARE_ENGINE: engine } });
    expect(server.url).toMatch(/^https:\/\//);
    const { url } = server;
    const doctor = await runFanfare(['doctor', '--url', url], { env: client });
    expect(doctor.stdout + doctor.stderr).not.toMatch(/error|certificate/);
    const stranger = await runFanfare(['doctor', '--url', url]);
    expect(stranger.stdout + stranger.stderr).toContain('an authority that is not known here: NODE_EXTRA_CA_CERTS');
    const ws = new WebSocket(`${url.replace('https', 'wss')}/v1/ws`, { ca: readFileSync(first.ca) });
    await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
    const before = await shownAt(url);
    put(second);
    await expect.poll(() => shownAt(url)).not.toBe(before);
    expect(ws.readyState).toBe(WebSocket.OPEN);
    writeFileSync(env.FANFARE_TLS_KEY ?? '', 'nothing');
    await server.logged('the new certificate cannot be used: going on with the one before');
    expect(server.log()).toContain('holds no private key in PEM');
    await expect(shownAt(url)).resolves.not.toBe(before);
    ws.terminate();
  });
});

it('is spoken by discovery too, which hands out the node by https, and both take a new certificate', async () => {
  put(first);
  const redis = await startRedis();
  const secrets = { FANFARE_AUTH_SECRET: 's'.repeat(32), FANFARE_CLUSTER_SECRET: 'c'.repeat(32) };
  const all = { env: { ...env, ...secrets, FANFARE_REDIS_URL: redis.url, FANFARE_HOST: '127.0.0.1' } };
  const servers: ServerProcess[] = [];
  try {
    servers.push(await startFanfare(['node'], all), await startFanfare(['discovery'], all));
    const before = await Promise.all(servers.map(({ url }) => shownAt(url)));
    for (const { url } of servers) {
      expect(url).toMatch(/^https:/);
      expect(await statusOf(`${url}/livez`)).toBe(200);
    }
    // Signed by an authority that only clients know: the node is reached all the same.
    expect(servers[0]?.log()).not.toContain("the node's URL does not lead to it");
    put(second);
    for (const [at, { url }] of servers.entries()) {
      await expect.poll(() => shownAt(url)).not.toBe(before[at]);
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await redis.stop();
  }
});

it.each(['uws', 'ws'])('files that begin with a byte order mark are served on the %s engine', async (engine) => {
  for (const [from, to] of [
    [first.server.certificate, env.FANFARE_TLS_CERT],
    [first.server.key, env.FANFARE_TLS_KEY],
  ] as const) {
    writeFileSync(to ?? '', `\ufeff${readFileSync(from, 'utf8')}`);
  }
  const server = await startFanfare(['start'], { env: { ...env, FANFARE_ENGINE: engine } });
  try {
    expect(await statusOf(`${server.url}/livez`)).toBe(200);
  } finally {
    await server.stop();
  }
});

describe('bad files refuse the start with 78', () => {
  const started = (more: Record<string, string>) => runFanfare(['start'], { env: { ...env, ...more } });

  it('says which file is not there', async () => {
    put(first);
    const { code, stderr } = await started({ FANFARE_TLS_CERT: '/nowhere/cert.pem' });
    expect([code, stderr]).toEqual([
      78,
      expect.stringContaining('tlsCert (env FANFARE_TLS_CERT): cannot read "/nowhere/cert.pem": there is no such file'),
    ]);
  });

  it('says that a key is not of the certificate', async () => {
    put(first);
    cpSync(second.server.key, env.FANFARE_TLS_KEY ?? '');
    const { code, stderr } = await started({});
    expect([code, stderr]).toEqual([78, expect.stringMatching(/tlsKey .* is not the key of the certificate/)]);
  });

  it('says which file the engine cannot use although Node could', async () => {
    put(first);
    const [cert, key] = [`${first.server.certificate}.odd`, `${first.server.key}.odd`];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1', '-nodes', '-subj', '/CN=odd'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const odd = { ...env, FANFARE_TLS_CERT: cert, FANFARE_TLS_KEY: key };
    const reason = `tlsCert (env FANFARE_TLS_CERT): "${cert}" holds what the engine uws cannot use`;
    for (const args of [['start'], ['config', 'check']]) {
      const { code, stderr } = await runFanfare(args, { env: { ...odd, FANFARE_ENGINE: 'uws' } });
      expect([code, stderr]).toEqual([78, expect.stringContaining(reason)]);
    }
    const other = await runFanfare(['config', 'check'], { env: { ...odd, FANFARE_ENGINE: 'ws' } });
    expect(other.code).toBe(0);
  });

  it('says that one is missing', async () => {
    put(first);
    const { code, stderr } = await started({ FANFARE_TLS_KEY: '' });
    expect([code, stderr]).toEqual([78, expect.stringContaining('used together with tlsKey: set FANFARE_TLS_KEY')]);
  });

  it('says that a key has a passphrase', async () => {
    put(first);
    writeFileSync(
      env.FANFARE_TLS_KEY ?? '',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
    );
    const { code, stderr } = await started({});
    expect([code, stderr]).toEqual([78, expect.stringMatching(/tlsKey .* has a passphrase/)]);
  });
});
