// Bundles a module as an application's esbuild and Vite do with their defaults: minified, for browsers, React left out.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';

const external = ['react'];

/** What a page loads of it, when packages are found from `folder`. */
export async function bundleByEsbuild(code, folder) {
  const { outputFiles } = await esbuild({
    stdin: { contents: code, resolveDir: folder },
    ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', external, write: false, logLevel: 'error' },
  });
  return outputFiles[0].contents;
}

/** The same; the code of workers is none of it. */
export async function bundleByVite(code, folder) {
  const input = join(folder, 'application.js');
  writeFileSync(input, code);
  try {
    const { output } = await vite({
      ...{ root: folder, configFile: false, logLevel: 'error' },
      build: {
        ...{ write: false, modulePreload: { polyfill: false } },
        rolldownOptions: { input, external, preserveEntrySignatures: 'strict' },
      },
    });
    return Buffer.concat(output.filter(({ type }) => type === 'chunk').map((chunk) => Buffer.from(chunk.code)));
  } finally {
    rmSync(input);
  }
}
