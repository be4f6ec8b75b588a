// Bundles the SDK with all its transports into dist/sdk.js, which a node serves at /sdk.js.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** How the SDK is bundled for browsers; the size budget is measured on exactly this. */
export const SDK_BUILD = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: /** @type {const} */ ('esm'),
  target: 'es2022',
  metafile: true,
};

/** Writes dist/sdk.js and dist/sdk.js.map. */
export async function bundleSdk() {
  return build({ ...SDK_BUILD, entryPoints: ['client-sdk/index.ts'], outfile: 'dist/sdk.js', sourcemap: true });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await bundleSdk();
