// Builds the SDK as it is published: an entry each for what an application imports, what they share in chunks.

import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minifySync } from 'vite';
import { INNER_NAMES } from './inner-names.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Entry of the package → entry of the sources. The one for Node is left out: it depends on `ws`, which Node 22 needs no more. */
export const ENTRIES = {
  index: 'index',
  websocket: 'websocket-only',
  sse: 'sse',
  react: 'react',
  testing: 'testing/index',
  shared: 'shared',
};

/**
 * Into `outdir`. Expressions are shortened here, above all by writing each number where it is used: an application's bundler, which sees the modules as one, does
 * not do that any more. Names of properties that only the modules themselves know are shortened too, which no application's bundler may do; all other names stay.
 */
export async function buildPublished(outdir) {
  const common = {
    absWorkingDir: root,
    outdir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    minifySyntax: true,
    mangleProps: INNER_NAMES,
  };
  // In one piece, so that it can be copied to where a page finds it.
  await build({ ...common, entryPoints: ['client-sdk/shared-worker.ts'] });
  const built = await build({
    ...common,
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, source]) => [name, `client-sdk/${source}.ts`])),
    splitting: true,
    chunkNames: 'shared-[hash]',
    external: ['react'],
    write: false,
  });
  const files = Object.fromEntries(built.outputFiles.map(({ path, text }) => [path, text]));
  mkdirSync(outdir, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    // Where a worker is opened a bundler looks for the very words that stand there.
    if (!path.endsWith('.js') || path.endsWith('/shared.js')) writeFileSync(path, text);
  }
  for (const [path, text] of Object.entries(files)) {
    if (!path.endsWith('.js') || path.endsWith('/shared.js')) continue;
    const { code, map } = shorten(path, text, JSON.parse(files[`${path}.map`]));
    writeFileSync(path, code);
    writeFileSync(`${path}.map`, JSON.stringify(map));
  }
  return built;
}

/** What Vite's minifier finds beyond esbuild's, names and layout left alone, so that it is shorter by whatever an application is bundled. */
function shorten(path, code, inputMap) {
  const options = { module: true, compress: { target: 'es2022' }, mangle: false, codegen: { removeWhitespace: false } };
  const { code: shorter, map, errors } = minifySync(basename(path), code, { ...options, sourcemap: true, inputMap });
  if (errors.length) throw new Error(`${path}: ${errors[0].message}`);
  return {
    code: `${shorter.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '')}\n//# sourceMappingURL=${basename(path)}.map\n`,
    map,
  };
}
