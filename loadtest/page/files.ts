// Writes what is made of a result beside it: the report, the table for a README, and its picture.

import { writeFileSync } from 'node:fs';
import type { LabResult } from '../run/result.js';
import { toHtml } from './html.js';
import { toMarkdown, toPicture } from './readme.js';

/** The paths that were written. */
export function writeReport(result: LabResult, jsonPath: string): readonly string[] {
  const base = jsonPath.replace(/\.json$/, '');
  const files: readonly (readonly [path: string, text: string | undefined])[] = [
    [`${base}.html`, toHtml(result)],
    [`${base}.md`, toMarkdown(result)],
    [`${base}.svg`, toPicture(result)],
  ];
  return files.flatMap(([path, text]) => {
    if (text === undefined) return [];
    writeFileSync(path, text);
    return [path];
  });
}
