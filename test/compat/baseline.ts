// The release that HEAD has to get on with: its commit, its sources from git, and its build.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What builds and runs it: where HEAD has other versions, the baseline gets its own. */
const TOOLS = ['typescript', 'esbuild', 'uWebSockets.js'];

type Sdk = typeof import('../../client-sdk/node.js');

/** One build of Fanfare. */
export interface Build {
  readonly name: 'baseline' | 'HEAD';
  readonly main: string;
  readonly sdk: Sdk;
}

/** The commit that test/compat/baseline names in its first word. */
export function baselineCommit(): string {
  const [commit = ''] = readFileSync(new URL('baseline', import.meta.url), 'utf8').split(/\s/);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error('test/compat/baseline names no commit');
  return commit;
}

/** Builds the baseline where that has not been done: a minute. Throws where git does not have its commit, with what to do. */
export async function builds(): Promise<{ readonly baseline: Build; readonly head: Build }> {
  const folder = baselineFolder(baselineCommit());
  return { baseline: await buildIn('baseline', folder), head: await buildIn('HEAD', ROOT) };
}

async function buildIn(name: Build['name'], folder: string): Promise<Build> {
  const sdk: Sdk = await import(pathToFileURL(join(folder, 'dist/client-sdk/node.js')).href);
  return { name, main: join(folder, 'dist/src/cli/main.js'), sdk };
}

/** Kept for the next run, beside other temporary files; whole as soon as it is there. */
function baselineFolder(commit: string): string {
  const folder = join(tmpdir(), `fanfare-baseline-${commit}`);
  if (existsSync(folder)) return folder;
  const making = mkdtempSync(join(tmpdir(), 'fanfare-baseline-making-'));
  try {
    unpack(commit, making);
    if (isBuiltAlike(making)) symlinkSync(join(ROOT, 'node_modules'), join(making, 'node_modules'));
    else execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: making, stdio: 'inherit' });
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: making, stdio: 'inherit' });
    renameSync(making, folder);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

function unpack(commit: string, folder: string): void {
  const archive = join(folder, 'baseline.tar');
  try {
    execFileSync('git', ['archive', '--output', archive, commit], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    throw new Error(`git does not have the baseline ${commit}: git fetch --unshallow`, { cause });
  }
  execFileSync('tar', ['-xf', archive, '-C', folder]);
  rmSync(archive);
}

/** Whether it may use HEAD's packages: it names the same versions. */
function isBuiltAlike(folder: string): boolean {
  const packageIn = (root: string) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [own, head] = [packageIn(folder), packageIn(ROOT)];
  const versions = ({ dependencies = {}, devDependencies = {} }: Record<string, Record<string, string>>) => [
    dependencies,
    TOOLS.map((tool) => devDependencies[tool]),
  ];
  return JSON.stringify(versions(own)) === JSON.stringify(versions(head));
}
