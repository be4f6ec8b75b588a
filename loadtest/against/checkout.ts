// A clean checkout of a commit in a folder of its own, with its packages, built: the other side of a comparison.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../root.js';

export interface Checkout {
  readonly root: URL;
  /** The whole name of the commit. */
  readonly commit: string;
  /** Takes the folder away. Idempotent. */
  remove(): void;
}

const here = fileURLToPath(ROOT);

/** The commit's whole name. Throws when this repository has no such commit. */
export async function resolveCommit(name: string): Promise<string> {
  return (
    await run('git', ['-C', here, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
  ).trim();
}

/** Brings this folder's build up to date, so that what is measured is what stands here. */
export async function buildHere(): Promise<void> {
  await run(process.execPath, [join(here, 'scripts/build.mjs')]);
}

export async function checkOut(commit: string): Promise<Checkout> {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-against-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    await run('git', ['clone', '--quiet', '--no-checkout', here, folder]);
    await run('git', ['-C', folder, 'checkout', '--quiet', '--detach', commit]);
    await run('npm', ['ci', '--no-audit', '--no-fund'], folder);
    if (!existsSync(join(folder, 'dist/src/cli/main.js'))) await run('npm', ['run', 'build'], folder);
    return { root: pathToFileURL(`${folder}/`), commit, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const options = cwd === undefined ? {} : { cwd };
  try {
    return (await promisify(execFile)(command, [...args], { ...options, encoding: 'utf8' })).stdout;
  } catch (cause) {
    throw new Error(`failed: ${command} ${args.join(' ')}`, { cause });
  }
}
