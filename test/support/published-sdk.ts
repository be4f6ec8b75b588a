// The SDK as it is published, built for one test file and gone after it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildResult } from 'esbuild';
import { afterAll } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/published-sdk.mjs', import.meta.url));

interface Builder {
  readonly ENTRIES: Readonly<Record<string, string>>;
  buildPublished(outdir: string): Promise<BuildResult>;
}

export async function sdkBuilder(): Promise<Builder> {
  return (await import(pathToFileURL(SCRIPT).href)) as Builder;
}

interface Bundlers {
  bundleByEsbuild(code: string, folder: string): Promise<Uint8Array>;
  bundleByVite(code: string, folder: string): Promise<Uint8Array>;
}

/** As an application's, of what is published. */
export async function strangerBundlers(): Promise<Bundlers> {
  return (await import(new URL('../../scripts/stranger-bundlers.mjs', import.meta.url).href)) as Bundlers;
}

let folder: string | undefined;

/** The folder with its entries. */
export async function publishedFolder(): Promise<string> {
  if (folder) return folder;
  const made = mkdtempSync(join(tmpdir(), 'fanfare-sdk-'));
  folder = made;
  afterAll(() => rmSync(made, { recursive: true }));
  await (await sdkBuilder()).buildPublished(made);
  return made;
}

/** What an entry exports. */
export async function publishedSdk<Exports>(entry: string): Promise<Exports> {
  return (await import(pathToFileURL(join(await publishedFolder(), `${entry}.js`)).href)) as Exports;
}
