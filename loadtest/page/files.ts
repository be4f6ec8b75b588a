// Writes what is made of a result: beside it the report, a table and a picture; and the parts of the docs that show one.

import { readFileSync, writeFileSync } from 'node:fs';
import { ROOT } from '../root.js';
import type { LabResult } from '../run/result.js';
import { toChoosing } from './choosing.js';
import { toHtml } from './html.js';
import { toMarkdown, toPicture, toReadme } from './readme.js';

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

const PICTURE = 'docs/load-lab.svg';
const PAGE = 'docs/TRANSPORTS.md';
const SECTION = /(<!-- load lab -->\n)[\s\S]*?(\n<!-- \/load lab -->)/;

/** The texts of the docs by their paths. Throws where the result lacks what they show. */
export function docsOf(result: LabResult, readme: string): Readonly<Record<string, string>> {
  const [page, picture, part] = [toChoosing(result), toPicture(result), toReadme(result, PICTURE)];
  if (page === undefined || picture === undefined || part === undefined)
    throw new Error('the docs need the scenario "re-polling" on uws, and one with two servers or more');
  if (!SECTION.test(readme))
    throw new Error('README.md has no section between "<!-- load lab -->" and "<!-- /load lab -->"');
  return {
    [PAGE]: page,
    [PICTURE]: `${picture}\n`,
    'README.md': readme.replace(SECTION, (_, before: string, after: string) => `${before}${part}${after}`),
  };
}

/** The paths that were written. */
export function writeDocs(result: LabResult): readonly string[] {
  const texts = docsOf(result, readFileSync(new URL('README.md', ROOT), 'utf8'));
  for (const [path, text] of Object.entries(texts)) writeFileSync(new URL(path, ROOT), text);
  return Object.keys(texts);
}
