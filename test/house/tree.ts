// The source files of a tree, and small trees that are made to break a rule.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

const FOLDERS = ['src', 'discovery', 'client-sdk', 'demo', 'loadtest', 'scripts', 'test'];
const LEFT_OUT = /(^|\/)(node_modules|dist|results)(\/|$)/;

export interface SourceFile {
  /** From the tree's root. */
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript and JavaScript file that is ours. */
export function sourceFiles(root = ROOT): readonly SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length + 1);
      if (!entry.isFile() || !/\.(ts|mts|mjs|js)$/.test(path) || LEFT_OUT.test(path)) continue;
      files.push({ path, text: readFileSync(join(root, path), 'utf8') });
    }
  }
  return files;
}

/** Runs `use` in a tree of these files, which is gone afterwards. */
export async function inTree<T>(
  files: Readonly<Record<string, string>>,
  use: (root: string) => Promise<T>,
): Promise<T> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'fanfare-house-')));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return await use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}
