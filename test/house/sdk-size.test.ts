// What the SDK may weigh, as a stranger's bundler makes it of what is published, and what may be inside: the row of the SDK in docs/ARCHITECTURE.md.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../client-sdk/version.js';
import { publishedFolder, strangerBundlers } from '../support/published-sdk.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Small modules of the contract that a browser may load; never the table of codes or the decoders of commands. */
const FROM_THE_CONTRACT = ['src/protocol/decode-event.ts', 'src/protocol/decode-frame.ts'];
/** What is imported from each entry. */
const MAX_BYTES = { websocket: 9_860, index: 13_250, sse: 3_330 } as const;
const SOURCES = { websocket: 'websocket-only', index: 'index', sse: 'sse' } as const;
/** Hooks, on top of a client. */
const MAX_HOOKS_BYTES = 700;
/** On top of a client with every transport. */
const MAX_SHARING_BYTES = 3_030;

/** An application's module, bundled and minified; our part of it alone. */
async function weigh(text: string, by: 'bundleByEsbuild' | 'bundleByVite' = 'bundleByEsbuild'): Promise<number> {
  const bundle = (await strangerBundlers())[by];
  return gzipSync(await bundle(text, await publishedFolder()), { level: 9 }).length;
}

describe.each(Object.entries(MAX_BYTES))('the SDK’s entry %s', (entry, maxBytes) => {
  it(`has at most ${maxBytes} bytes, minified and gzipped, as esbuild and Vite make it`, async () => {
    const application = `export { createClient } from './${entry}.js';`;
    const bytes = await weigh(application);
    const viteBytes = await weigh(application, 'bundleByVite');
    console.info(`fanfare-client/${entry}: ${bytes} by esbuild and ${viteBytes} by Vite of ${maxBytes} bytes`);
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    expect(viteBytes).toBeLessThanOrEqual(maxBytes);
  });

  it('holds nothing but the SDK and small parts of the contract, and needs nothing else', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [`client-sdk/${SOURCES[entry as keyof typeof SOURCES]}.ts`],
      bundle: true,
      format: 'esm',
      metafile: true,
      write: false,
    });
    const inputs = Object.keys(metafile.inputs);
    const strangers = inputs.filter((path) => !path.startsWith('client-sdk/') && !FROM_THE_CONTRACT.includes(path));
    expect(strangers).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
    const transports = inputs.filter((path) => path.startsWith('client-sdk/transports/'));
    if (entry === 'websocket') expect(transports).toEqual(['client-sdk/transports/websocket.ts']);
    if (entry === 'sse') expect(transports).toEqual(['client-sdk/transports/sse-parser.ts']);
  });
});

it(`the hooks for React add at most ${MAX_HOOKS_BYTES} bytes`, async () => {
  const client = `export { createClient } from './index.js';`;
  const hooks = `${client} export { FanfareProvider, useChannel, useClientState } from './react.js';`;
  const bytes = (await weigh(hooks)) - (await weigh(client));
  console.info(`fanfare-client/react: ${bytes} of ${MAX_HOOKS_BYTES} bytes`);
  expect(bytes).toBeLessThanOrEqual(MAX_HOOKS_BYTES);
});

it(`sharing a connection among tabs adds at most ${MAX_SHARING_BYTES} bytes, and the worker’s code is none of them`, async () => {
  const client = await weigh(`export { createClient } from './index.js';`);
  const bytes = (await weigh(`export { createSharedClient } from './shared.js';`)) - client;
  console.info(`fanfare-client/shared: ${bytes} of ${MAX_SHARING_BYTES} bytes`);
  expect(bytes).toBeLessThanOrEqual(MAX_SHARING_BYTES);
});

it('the SDK knows the version of its package, by which tabs find their like', () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version);
});

it('a bundler that reads no more than what is written out finds the worker, by the name of its version', async () => {
  const code = readFileSync(`${await publishedFolder()}/shared.js`, 'utf8');
  const opened = /new SharedWorker\(new URL\("(.*?)", import.meta.url\), (.*?)\)/.exec(code);
  expect(opened?.slice(1)).toEqual(['./shared-worker.js', `{ type: "module", name: "fanfare-${VERSION}" }`]);
});

it('has a part for each of its modules in the table of what they weigh', async () => {
  const script = new URL('../../scripts/sdk-parts.mjs', import.meta.url).href;
  const { partsTable } = (await import(script)) as { partsTable(): Promise<string> };
  expect(await partsTable()).toContain('| the WebSocket |');
});
