// Every text in this repository that could be a secret: whoever reads the source knows it.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PLACES = ['src', 'discovery', 'client-sdk', 'demo', 'loadtest', 'scripts', 'test', 'docs'];
const LEFT_OUT = /(^|\/)(node_modules|dist|results)(\/|$)/;
/** As long as a secret has to be, and of the characters that one may have. */
const QUOTED = /(['"`])([\x21-\x7e]{32,200}?)\1/g;
const ASSIGNED = /[=:]\s*([\x21-\x26\x28-\x2b\x2d-\x5f\x61-\x7e]{32,200})/g;

/** The texts in quotes, and those behind `=` or `:` as in a shell's line or a config file. */
export function knownTexts(): ReadonlySet<string> {
  const paths = [`${ROOT}README.md`, `${ROOT}CONTRIBUTING.md`, `${ROOT}CHANGELOG.md`];
  for (const place of PLACES) {
    for (const path of readdirSync(`${ROOT}${place}`, { recursive: true, encoding: 'utf8' })) {
      if (!LEFT_OUT.test(path) && /\.(ts|tsx|mjs|js|md|sh|ya?ml|json|html)$/.test(path))
        paths.push(`${ROOT}${place}/${path}`);
    }
  }
  const texts = new Set<string>();
  for (const path of paths) {
    const text = readFileSync(path, 'utf8');
    for (const [, , quoted = ''] of text.matchAll(QUOTED)) texts.add(quoted);
    for (const [, assigned = ''] of text.matchAll(ASSIGNED)) texts.add(assigned);
  }
  return texts;
}
