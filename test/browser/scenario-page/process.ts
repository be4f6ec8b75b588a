// A process of Node that plays the part of the scenario page: orders come and what it knows goes by lines.

import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { createHost } from './host.js';

const TELL_MS = 50;
const [url = '', dist = ''] = process.argv.slice(1);

// Node 20 has none.
Object.assign(globalThis, { WebSocket });
const host = createHost(new URL(url).origin, (path) => import(dist + path));
createInterface(process.stdin).on('line', (line) => host.obey(JSON.parse(line)));
setInterval(() => process.stdout.write(`${JSON.stringify(host.look())}\n`), TELL_MS);
