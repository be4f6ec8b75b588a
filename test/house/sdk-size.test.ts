// What the SDK may weigh and what may be inside: the row of the SDK in docs/ARCHITECTURE.md.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Small modules of the contract that a browser may load; never the table of codes or the decoders of commands. */
const FROM_THE_CONTRACT = ['src/protocol/decode-event.ts'];
const MAX_BYTES = { 'websocket-only': 8_704, index: 11_264 } as const;

/** As a front-end's bundler does it; nothing that only our own build could do, such as shortening properties. */
async function bundle(entry: string) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`client-sdk/${entry}.ts`],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  return {
    inputs: Object.keys(metafile.inputs),
    imports: output?.imports ?? [],
    bytes: gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length,
  };
}

describe.each(Object.entries(MAX_BYTES))('the SDK’s entry %s', (entry, maxBytes) => {
  it(`has at most ${maxBytes} bytes, minified and gzipped`, async () => {
    const { bytes } = await bundle(entry);
    console.info(`client-sdk/${entry}.ts: ${bytes} of ${maxBytes} bytes`);
    expect(bytes).toBeLessThanOrEqual(maxBytes);
  });

  it('holds nothing but the SDK and small parts of the contract, and needs nothing else', async () => {
    const { inputs, imports } = await bundle(entry);
    const strangers = inputs.filter((path) => !path.startsWith('client-sdk/') && !FROM_THE_CONTRACT.includes(path));
    expect(strangers).toEqual([]);
    expect(imports).toEqual([]);
  });
});

it('the WebSocket entry holds no other transport', async () => {
  const { inputs } = await bundle('websocket-only');
  expect(inputs.filter((path) => path.startsWith('client-sdk/transports/'))).toEqual([
    'client-sdk/transports/websocket.ts',
  ]);
});
