// The docs say what the code says: generated tables are fresh, links lead somewhere, README's commands and variables exist.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { staleDocs } from '../../scripts/docs-tables.js';
import { isPlotStale } from '../../scripts/limits-plot.js';
import { envName, flagName } from '../../src/config/option-info.js';
import { infoOf, OPTION_KEYS } from '../../src/config/schema.js';
import { CODES } from '../../src/protocol/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
/** What makes a test longer or another one. */
const OF_TESTS = new Set(
  readdirSync(`${ROOT}test/integration`).flatMap(
    (file) => read(`test/integration/${file}`).match(/\bFANFARE_TEST_[A-Z_]+/g) ?? [],
  ),
);
const DOCS = [
  'README.md',
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
];
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

/** The anchors that GitHub gives to a page's headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replaceAll(/^```.*?^```/gms, '').match(/^#{1,6} .*$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The snippets that hand on the body of an answer and do not throw when it is a refusal. */
function uncheckedFetches(text: string): readonly string[] {
  const snippets = [...text.matchAll(/^```(?:js|ts|jsx|tsx)\n(.*?)^```/gms)].map(([, code = '']) => code);
  const handsOn = (code: string) => /\bfetch\(/.test(code) && /\.(text|json)\(\)/.test(code);
  return snippets.filter((code) => handsOn(code) && !/if \(!\w+\.ok\)\s*\{?\s*throw\b/.test(code));
}

it('an unchecked fetch is found', () => {
  const snippet = (code: string) => `text\n\`\`\`js\n${code}\n\`\`\`\n`;
  const good = "const r = await fetch('/t');\nif (!r.ok) throw new Error('x');\nreturn r.text();";
  expect(uncheckedFetches(snippet("token: () => fetch('/t').then((r) => r.text())"))).toHaveLength(1);
  expect(uncheckedFetches(snippet(good.replace('if (!r.ok) throw new', 'console.log')))).toHaveLength(1);
  expect(uncheckedFetches(snippet(good))).toEqual([]);
});

it('the plot of limits is what the algorithms do', () => {
  expect(isPlotStale(), 'run npx tsx scripts/limits-plot.ts').toBe(false);
});

it('README’s snippets of the examples stand there word for word', () => {
  const snippets = [...read('README.md').matchAll(/^<!-- (examples\/\S+) -->\n```\w+\n(.*?)^```/gms)];
  expect(snippets.length).toBeGreaterThanOrEqual(2);
  for (const [, path = '', code = ''] of snippets) {
    // A blank line stands for what is left out.
    for (const part of code.split(/\n\n+/)) expect(read(path), path).toContain(part.trimEnd());
  }
});

describe('the repository', () => {
  /** Assembled, so that this file does not hold what it looks for. */
  const elsewhere = new RegExp(String.raw`\b${'DES'}IGN\b|\b(${'des'}ign['’]s|${'des'}ign) section\b`);
  const leftOut = new Set(['node_modules', 'dist', '.git']);

  it('points to its own docs and to no design that is kept elsewhere', () => {
    const pointing: string[] = [];
    const look = (folder: string): void => {
      for (const entry of readdirSync(`${ROOT}${folder}`, { withFileTypes: true })) {
        const path = `${folder}${entry.name}`;
        if (entry.isDirectory() && !leftOut.has(entry.name)) look(`${path}/`);
        if (entry.isFile() && elsewhere.test(read(path))) pointing.push(path);
      }
    };
    look('');
    expect(pointing).toEqual([]);
  });

  it.each(['DES' + 'IGN 3.2', 'the des' + "ign's section on tickets"])('%s is found', (text) => {
    expect(elsewhere.test(text)).toBe(true);
  });
});

it('CONNECTING.md names codes that there are', () => {
  const [table = ''] = read('docs/CONNECTING.md').split('## 2.');
  const cells = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z_]+)`/g)]);
  const named = cells.map(([, code = '']) => code).filter((code) => code.includes('_') && !code.startsWith('http_'));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((code) => !(code in CODES))).toEqual([]);
});

describe('the docs', () => {
  it('have fresh tables (npx tsx scripts/docs-tables.ts)', () => {
    expect([...staleDocs().keys()]).toEqual([]);
  });

  it.each(DOCS)('%s links to what is there', (path) => {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
    const broken = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : `${folder}${file}`;
        if (!existsSync(`${ROOT}${target}`)) return true;
        return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it.each(DOCS)('%s names scripts, variables and flags that exist', (path) => {
    const text = read(path);
    const named = [...text.matchAll(/\bnpm (?:run )?([a-z]+(?::[a-z]+)?)\b/g)].map(([, name = '']) => name);
    const builtIn = new Set(['ci', 'init', 'install', 'pack', 'run', 'or', 'and']);
    expect(named.filter((name) => !builtIn.has(name) && scripts[name] === undefined)).toEqual([]);

    const variables = new Set(OPTION_KEYS.flatMap((key) => [envName(key), `${envName(key)}_FILE`]));
    for (const other of ['FANFARE_CONFIG', 'FANFARE_URL', 'FANFARE_TOKEN']) variables.add(other);
    const used = [...text.matchAll(/\bFANFARE_[A-Z_]+\b/g)].map(([name]) => name);
    expect(used.filter((name) => !variables.has(name) && !OF_TESTS.has(name))).toEqual([]);
  });

  it.each(DOCS)('%s shows no fetch whose answer is handed on unchecked', (path) => {
    expect(uncheckedFetches(read(path))).toEqual([]);
  });

  it('README.md has every option of an operator’s first day', () => {
    const readme = read('README.md');
    for (const key of ['redisUrl', 'authSecret', 'clusterSecret', 'nodeUrl', 'origins', 'publishKey'] as const) {
      expect(readme).toContain(envName(key));
      expect(infoOf(key).about).not.toBe('');
    }
    expect(readme).toContain(flagName('nodeUrl'));
  });

  it('README.md uses a key for one message alone, as whoever types all of its examples does', () => {
    const [, backend = ''] = /^## You write the backend[\s\S]*?(```[\s\S]*?)^### /m.exec(read('README.md')) ?? [];
    const keys = [...backend.matchAll(/^```\w+\n(.*?)^```/gms)].flatMap(
      ([, code = '']) => code.match(/order-\d+/g) ?? [],
    );
    expect(keys.length).toBeGreaterThan(2);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('docs/PROTOCOL.md mentions no code that does not exist', () => {
    const text = read('docs/PROTOCOL.md').replaceAll(/^```.*?^```/gms, '');
    const notCodes = new Set(['fanfare_publish', 'client_max_window_bits']);
    const codes = [...text.matchAll(/`(?:\d{3} )?([a-z]+(?:_[a-z]+)+)`/g)].map(([, name = '']) => name);
    expect(codes.filter((code) => !(code in CODES) && !notCodes.has(code))).toEqual([]);
  });
});
