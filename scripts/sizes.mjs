// Weighs the packed SDK and other clients of its field, as an application's esbuild and Vite make them, and writes the table of docs/SDK.md: `npm run sizes`.
// With `-- --parts` it writes the other table, of what each part of the SDK weighs.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { partsTable } from './sdk-parts.mjs';
import { bundleByEsbuild, bundleByVite } from './stranger-bundlers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Installed for this alone, into a folder of their own: no test depends on them. */
const PEERS = {
  'pusher-js': '8.6.0',
  'socket.io-client': '4.8.4',
  centrifuge: '5.8.0',
  phoenix: '1.8.16',
  partysocket: '1.3.0',
};

const CLIENT = `export { createClient } from 'fanfare-client';`;
const REACT = `export { FanfareProvider, useChannel, useClientState } from 'fanfare-client/react';`;

/** What an application imports, and what it gets by that. */
const CASES = [
  ['fanfare-client/sse', `export { createClient } from 'fanfare-client/sse';`, 'reading alone, by a stream'],
  [
    'fanfare-client/websocket',
    `export { createClient } from 'fanfare-client/websocket';`,
    'WebSocket; positions, gaps, history, iterators, publishes stored once',
  ],
  ['fanfare-client', CLIENT, 'the same, over WebSocket, stream, long and short poll'],
  ['fanfare-client and fanfare-client/react', `${CLIENT} ${REACT}`, 'and hooks, without React itself'],
  [
    'fanfare-client/shared',
    `export { createSharedClient } from 'fanfare-client/shared';`,
    'all transports, one connection for all tabs',
  ],
  ['pusher-js', `export { default } from 'pusher-js';`, 'WebSocket and HTTP; presence; no history'],
  ['socket.io-client', `export { io } from 'socket.io-client';`, 'WebSocket and long poll; rooms are the server’s'],
  ['centrifuge', `export { Centrifuge } from 'centrifuge';`, 'WebSocket, streams; recovery, history, presence'],
  ['phoenix', `export { Socket, Presence } from 'phoenix';`, 'WebSocket and long poll; presence; no history'],
  ['partysocket', `export { PartySocket } from 'partysocket';`, 'a WebSocket that opens again; no channels'],
];

function run(command, args, cwd) {
  const { status, stdout } = spawnSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  return stdout.trim();
}

const weigh = (code) => [gzipSync(code, { level: 9 }).length, brotliCompressSync(code).length];
const shown = (bytes) => bytes.toLocaleString('en');

/** Writes a table between its marks. */
function renew(mark, table) {
  const doc = join(root, 'docs/SDK.md');
  const part = new RegExp(`(<!-- ${mark}:begin -->\\n)[\\s\\S]*?(<!-- ${mark}:end -->)`);
  const text = readFileSync(doc, 'utf8');
  writeFileSync(
    doc,
    text.replace(part, (_, begin, end) => `${begin}${table}\n${end}`),
  );
}

async function sizesTable(folder) {
  const tarball = join(root, run(process.execPath, ['scripts/pack-client.mjs'], root));
  const dependencies = { ...PEERS, 'fanfare-client': `file:${tarball}` };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'], folder);
  const rows = [
    '| import | esbuild, gzip | Vite, gzip | esbuild, brotli | Vite, brotli | for that |',
    '|---|--:|--:|--:|--:|---|',
  ];
  for (const [name, code, what] of CASES) {
    const [gzip, brotli] = weigh(await bundleByEsbuild(code, folder));
    const [viteGzip, viteBrotli] = weigh(await bundleByVite(code, folder));
    const version = PEERS[name] ? ` ${PEERS[name]}` : '';
    rows.push(`| \`${name}\`${version} | ${[gzip, viteGzip, brotli, viteBrotli].map(shown).join(' | ')} | ${what} |`);
    console.log(rows.at(-1));
  }
  return rows.join('\n');
}

if (process.argv.includes('--parts')) {
  const table = await partsTable();
  console.log(table);
  renew('parts', table);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-sizes-'));
  try {
    renew('sizes', await sizesTable(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
