// Starts a real Sentinel that watches one master, for tests of failover.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, launch, type RedisServer } from './redis.js';

export interface Sentinel {
  /** For brokers: the group is called `main`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Whether enough Sentinels know each other to fail over, in Sentinel's words. */
  quorum(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * A Sentinel that, with `quorum` - 1 others, fails `master` over after 1 s of silence; resolves when it watches it and
 * knows a replica.
 */
export async function startSentinel(master: RedisServer, quorum = 1): Promise<Sentinel> {
  const { host } = master;
  const port = await freePort(host);
  const directory = await mkdtemp(join(tmpdir(), 'fanfare-sentinel-'));
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
  await writeFile(config, `${lines.join('\n')}\n`);
  const running = await launch([config, '--sentinel'], '+slave');
  const admin = new Redis({ host, port });
  admin.on('error', () => {});
  return {
    url: `redis+sentinel://${host}:${port}/main`,
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
