// Bundles demo/ into dist/demo/: the page, its script and its styles; the SDK stays outside and comes from /sdk.js.

import { cpSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('../demo/', import.meta.url));
const target = fileURLToPath(new URL('../dist/demo/', import.meta.url));

/** Writes index.html, tabs.html, demo.js, tabs.js, demo.css, theme.js, favicon.svg, and readme.txt, which the page links to. */
export async function bundleDemo() {
  const common = { bundle: true, minify: true, target: 'es2022', outdir: target, logLevel: 'warning' };
  await Promise.all([
    build({
      ...common,
      entryPoints: [
        { in: `${source}main.ts`, out: 'demo' },
        { in: `${source}tabs.ts`, out: 'tabs' },
        { in: `${source}styles/page.css`, out: 'demo' },
      ],
      format: 'esm',
      sourcemap: true,
      external: ['/sdk.js', '/sdk-shared.js'],
    }),
    // Runs before the page is drawn, so it is no module.
    build({ ...common, entryPoints: [`${source}theme.ts`], format: 'iife' }),
  ]);
  for (const file of ['index.html', 'tabs.html', 'favicon.svg']) cpSync(source + file, target + file);
  cpSync(`${source}../README.md`, `${target}readme.txt`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await bundleDemo();
