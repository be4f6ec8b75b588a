// Bundles the SDK with all its transports into dist/, from where a server serves it: alone, and for tabs that share a connection.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { INNER_NAMES } from './inner-names.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** How the SDK is bundled for browsers; the size budget is measured on exactly this. */
export const SDK_BUILD = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: /** @type {const} */ ('esm'),
  target: 'es2022',
  metafile: true,
  mangleProps: INNER_NAMES,
};

/** Bundle → entry of the sources. A worker's code lies beside the code that opens it. */
const BUNDLES = { sdk: 'index', 'sdk-shared': 'shared', 'shared-worker': 'shared-worker' };

/** Writes dist/sdk.js and the others, each with its map. */
export async function bundleSdk() {
  const entryPoints = Object.fromEntries(
    Object.entries(BUNDLES).map(([name, source]) => [name, `client-sdk/${source}.ts`]),
  );
  return build({ ...SDK_BUILD, entryPoints, outdir: 'dist', sourcemap: true });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await bundleSdk();
