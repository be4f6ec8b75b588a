// `npm run pollers`: thousands of clients poll public channels through nginx as a cache, and what that costs a node goes to docs/CACHES.md.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { freePort } from '../free-port.js';
import { describeMachine } from '../machine.js';
import { connectToRedis } from '../publisher.js';
import { missingRedis, startRedisServer } from '../redis-server.js';
import { ROOT } from '../root.js';
import { makeSecrets, startFanfare } from '../server-process.js';
import { mintToken } from '../tokens.js';
import { Crowd } from './crowd.js';
import { startNginx } from './nginx.js';
import { judge, rowOf, toPage } from './page.js';
import { measure, type Stage, type StageResult } from './stages.js';

const USAGE = `Usage: npm run pollers -- [options]

  --sizes <numbers>     pollers that the node is to cost the same (1000,5000,20000)
  --busy <number>       pollers at 4 and at 16 messages a second (7000)
  --seconds <number>    of a stage; that at 4 messages a second takes three times as long (60)
  --processes <number>  of clients (2)
  --engine <name>       uws or ws (uws)
  --write               docs/CACHES.md
`;
const HOST = '127.0.0.1';
/** Chosen: what the sizes are compared at, beside silence. */
const SLOWLY = 0.5;
const NAMESPACES = { default: {}, pub: { public: true } };

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,5000,20000' },
    busy: { type: 'string', default: '7000' },
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'uws' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const numbers = [values.busy, values.seconds, values.processes, ...values.sizes.split(',')].map(Number);
  const isGood = numbers.every((number) => Number.isInteger(number) && number > 0) && /^(uws|ws)$/.test(values.engine);
  const missing = missingRedis() ?? (spawnSync('nginx', ['-v']).error && 'nginx is not installed (Debian: nginx)');
  if (values.help || !isGood) {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE);
    return values.help ? 0 : 64;
  }
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`);
    return 69;
  }
  const results = await run(stagesOf());
  const faults = judge(results);
  for (const fault of faults) process.stdout.write(`MISSED: ${fault}\n`);
  if (values.write) {
    const command = `npm run pollers -- ${process.argv.slice(2).join(' ')}`;
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(new URL('docs/CACHES.md', ROOT), toPage({ results, command, date, machine: describeMachine() }));
  }
  return faults.length === 0 ? 0 : 1;
}

function stagesOf(): readonly Stage[] {
  const sizes = values.sizes.split(',').map(Number);
  const [seconds, busy] = [Number(values.seconds), Number(values.busy)];
  return [
    ...sizes.map((pollers) => ({ pollers, perSecond: 0, seconds, isMixed: false })),
    ...sizes.map((pollers) => ({ pollers, perSecond: SLOWLY, seconds, isMixed: false })),
    { pollers: busy, perSecond: 4, seconds: 3 * seconds, isMixed: true },
    { pollers: busy, perSecond: 16, seconds, isMixed: true },
  ];
}

async function run(stages: readonly Stage[]): Promise<readonly StageResult[]> {
  process.env.FANFARE_NAMESPACES = JSON.stringify(NAMESPACES);
  process.env.FANFARE_TRUSTED_PROXIES = '127.0.0.0/8';
  const closing: (() => unknown)[] = [];
  const opened = <T extends { close(): unknown }>(one: T): T => {
    closing.unshift(() => one.close());
    return one;
  };
  try {
    const secrets = makeSecrets();
    const redis = opened(await startRedisServer());
    const engine = values.engine === 'ws' ? 'ws' : 'uws';
    const server = opened(await startFanfare({ ...secrets, engine, redisUrl: redis.url }));
    const nodes = [`http://${server.host}:${server.port}`];
    const publisher = opened(await connectToRedis(redis));
    const crowd = opened(new Crowd(Number(values.processes)));
    const token = mintToken(secrets.authSecret, 'poller', ['own:*']);
    const results: StageResult[] = [];
    for (const [index, stage] of stages.entries()) {
      const port = await freePort(HOST);
      // One that others have left goes on to ask for each of them, once what they waited for has come: that is not this stage's.
      const nginx = await startNginx({ program: 'nginx', host: HOST, port, nodes });
      try {
        const ground = { nginx, host: HOST, port, nodePid: server.pid, publisher, crowd, token };
        const result = await measure(ground, stage, index);
        process.stdout.write(`${rowOf(result)}\n`);
        results.push(result);
      } finally {
        await nginx.close();
      }
    }
    return results;
  } finally {
    for (const close of closing) await close();
  }
}
