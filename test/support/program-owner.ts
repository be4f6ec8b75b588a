// A process that starts a program beside itself, says by which id and address, and goes on until it is killed: `tsx program-owner.ts <nginx|varnish|peer>`.

import { execPath } from 'node:process';
import { startProgram } from '../../loadtest/peers/program.js';
import { startNginxCache } from './nginx-cache.js';
import { freePort, privateHost } from './redis.js';
import { startVarnishCache } from './varnish-cache.js';

const NODE = 'http://127.0.0.1:1';
const SERVER = 'require("node:net").createServer().listen(Number(process.argv[2]), process.argv[3])';

const STARTS = {
  nginx: () => startNginxCache(NODE),
  varnish: () => startVarnishCache(NODE),
  async peer() {
    const host = privateHost();
    const port = await freePort(host);
    const args = (folder: string) => [`${folder}/server.cjs`, String(port), host];
    return startProgram({ ...{ command: execPath, args, host, port }, file: 'server.cjs', configuration: SERVER });
  },
} as const;

const [name = ''] = process.argv.slice(2);
const { pid } = await STARTS[name as keyof typeof STARTS]();
process.stdout.write(`${pid}\n`);
setInterval(() => undefined, 60_000);
