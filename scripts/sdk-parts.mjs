// What each part of the SDK weighs in what a page loads: by how much the compressed bundle is shorter without the part's modules.

import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { SDK_BUILD } from './bundle-sdk.mjs';

const ENTRIES = { sse: 'sse', websocket: 'websocket-only', index: 'index', shared: 'shared' };

/** What it is for → its modules in client-sdk. */
const PARTS = {
  'reading alone: one stream, its channels, tried again': ['sse', 'sse-reader', '../src/protocol/decode-event'],
  'channels, publishes and the connection behind one surface': ['client', 'websocket-only', 'index', 'message'],
  'one link at a time, and the next: takeover before a link is left, failed nodes, what a server asks for': [
    ...['connection', 'connection-state', 'link'],
  ],
  'positions: nothing twice, nothing jumped over, gaps, live-only messages once': ['channel', 'subscription'],
  '`for await`': ['reading'],
  'publishes repeated until they are answered, in order, stored once': ['outbox'],
  'history, for `history()` and for who subscribes late; answers that a slow network cuts': [
    ...['history', 'late-reader', 'poll-answer'],
  ],
  'a ticket that is renewed, nodes when discovery is away, the function for tokens whatever it does': [
    ...['session', 'token-source', 'secret'],
  ],
  'signs of life, and a page that sleeps, wakes, is hidden or put away': ['monitor', 'page'],
  'options that are checked and name themselves': ['settings', 'arguments', 'channel-rule'],
  'errors with code, cause and text; which of them are final': ['errors'],
  'requests, and what a refusal of Fanfare’s or of a proxy means': ['http'],
  'timers that nothing forgets, backoff, listeners, `using`, a list that scrolls': [
    ...['timers', 'backoff', 'emitter', 'disposal', 'pace'],
  ],
  'the WebSocket': ['transports/websocket', '../src/protocol/decode-frame'],
  'the stream': ['transports/sse', 'transports/sse-parser'],
  'both polls': ['transports/poll'],
  'what stream and polls share: a set of channels that takes over from the one before it': ['transports/http-link'],
  'the ladder: what works here, tried beside, remembered, tried again': [
    ...['transports/fallback', 'transports/memory', 'every-transport'],
  ],
  'public channels from a cache': ['cache'],
  'a tab: what it wants of the hub, what the hub tells it, whose its token is': ['shared/tab', 'shared/lending'],
  'the hub: one client for all tabs': ['shared/hub', 'shared/kicked-clock', 'shared/sharing', 'shared'],
  'tabs that find each other, with a worker and without': [
    ...['shared/leader', 'shared/worker', 'shared/meeting', 'shared/browser', 'shared/port', 'version'],
  ],
};

/** The bundle of an entry, cut into its modules: name → text. */
async function modulesOf(entry) {
  const { outputFiles } = await build({
    ...SDK_BUILD,
    ...{ entryPoints: [`client-sdk/${entry}.ts`], minifyWhitespace: false, minify: false, write: false },
    ...{ minifySyntax: true, minifyIdentifiers: true },
  });
  const [, ...pieces] = outputFiles[0].text.split(/^\/\/ (\S+)\.ts$/m);
  const names = pieces
    .filter((_, index) => index % 2 === 0)
    .map((path) => path.replace(/^client-sdk\/|^(?=src)/, (found) => (found ? '' : '../')));
  return new Map(names.map((name, index) => [name, pieces[index * 2 + 1]]));
}

/** What is exported, in the last line, may have been left out. */
const weigh = async (texts) => {
  const text = [...texts].join('\n').replace(/export \{[^}]*\};\s*$/, '');
  return gzipSync((await transform(text, { minifyWhitespace: true })).code, { level: 9 }).length;
};

/** Rows of a table: a part, and its bytes in each entry; what parts have in common is in none of them. */
export async function partsTable() {
  const rows = new Map(Object.keys(PARTS).map((what) => [what, []]));
  const common = [];
  const totals = [];
  for (const entry of Object.values(ENTRIES)) {
    const modules = await modulesOf(entry);
    const known = new Set(Object.values(PARTS).flat());
    const unknown = [...modules.keys()].filter((name) => !known.has(name));
    if (unknown.length) throw new Error(`modules of no part: ${unknown.join(', ')}`);
    const total = await weigh(modules.values());
    let rest = total;
    for (const [what, names] of Object.entries(PARTS)) {
      const others = [...modules].filter(([name]) => !names.includes(name)).map(([, text]) => text);
      const bytes = total - (await weigh(others));
      rows.get(what).push(bytes || '');
      rest -= bytes;
    }
    common.push(rest);
    totals.push(total);
  }
  const line = (what, cells) => `| ${what} | ${cells.map((cell) => cell.toLocaleString('en')).join(' | ')} |`;
  return [
    line(
      'for',
      Object.keys(ENTRIES).map((name) => `\`/${name}\``.replace('/index', 'fanfare-client')),
    ),
    `|---|${'--:|'.repeat(totals.length)}`,
    ...[...rows].map(([what, cells]) => line(what, cells)),
    line('words that several of them use', common),
    line('all', totals),
  ].join('\n');
}
