// Starts a real Sentinel that watches one master, for tests of failover.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Certificates, tlsArguments } from './certificates.js';
import { freePort, inFolder, launch, type RedisServer } from './redis.js';

export interface Sentinel {
  /** For brokers: the group is called `main`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Whether enough Sentinels know each other to fail over, in Sentinel's words. */
  quorum(): Promise<string>;
  stop(): Promise<void>;
}

/** It speaks TLS alone, to Redis too, and both have passwords. */
export interface Secured {
  readonly certificates: Certificates;
  /** Its own. */
  readonly password: string;
  readonly redisPassword: string;
}

/** Without the Sentinel's own password. */
function urlOf({ redisPassword }: Secured, host: string, port: number): string {
  return `rediss+sentinel://:${encodeURIComponent(redisPassword)}@${host}:${port}/main`;
}

/**
 * A Sentinel that, with `quorum` - 1 others, fails `master` over after 1 s of silence; resolves when it watches it and
 * knows a replica.
 */
export function startSentinel(master: RedisServer, quorum = 1, secured?: Secured): Promise<Sentinel> {
  return inFolder('sentinel', (directory) => startIn(directory, master, quorum, secured));
}

async function startIn(
  directory: string,
  master: RedisServer,
  quorum: number,
  secured: Secured | undefined,
): Promise<Sentinel> {
  const { host } = master;
  const port = await freePort(host);
  const config = join(directory, 'sentinel.conf');
  const lines = [
    `bind ${host}`,
    `port ${port}`,
    `dir ${directory}`,
    // Others are told to look for it where it listens, not where its connections come from.
    `sentinel announce-ip ${host}`,
    `sentinel announce-port ${port}`,
    `sentinel monitor main ${master.host} ${master.port} ${quorum}`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
  ];
  if (secured !== undefined) {
    const { certificates, password, redisPassword } = secured;
    const [, , ...tls] = tlsArguments(certificates, port, 'no');
    lines[1] = 'port 0';
    // Pairs of a name, as an argument, and its value.
    for (let n = 0; n < tls.length; n += 2) lines.push(`${tls[n]?.slice(2)} ${tls[n + 1]}`);
    lines.push('tls-replication yes', `sentinel auth-pass main ${redisPassword}`, `requirepass ${password}`);
  }
  await writeFile(config, `${lines.join('\n')}\n`);
  const running = await launch([config, '--sentinel'], '+slave');
  const { ca, text } = secured?.certificates ?? {};
  const trusted = ca !== undefined && text !== undefined && { tls: { ca: text(ca) } };
  const admin = new Redis({ host, port, ...(secured && { password: secured.password }), ...trusted });
  admin.on('error', () => {});
  return {
    url: secured === undefined ? `redis+sentinel://${host}:${port}/main` : urlOf(secured, host, port),
    host,
    port,
    quorum: async () => String(await admin.call('SENTINEL', 'CKQUORUM', 'main')),
    async stop() {
      admin.disconnect();
      await running.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
