// Reads the text files that people hand over: UTF-8, without the byte order mark that some editors put before it.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Throws what the file system says. */
export function readTextFile(path: string): string {
  return withoutMark(readFileSync(path, 'utf8'));
}

/** As {@link readTextFile}. */
export async function readTextFileLater(path: string): Promise<string> {
  return withoutMark(await readFile(path, 'utf8'));
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
