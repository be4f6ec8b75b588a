// What we stand on is pinned by its bytes, and what the docs say of the native build is what the lock file holds.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROOT } from './tree.js';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const read = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> };
const own = JSON.parse(read('package.json')) as Readonly<Record<'dependencies' | 'devDependencies', object>>;
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
const native = lock.packages['node_modules/uWebSockets.js'];

it('each package is locked to the SHA-512 of its bytes, from the public registry', () => {
  expect(locked.length).toBeGreaterThan(50);
  const loose = locked.filter(
    ([, { integrity = '', resolved = 'https://registry.npmjs.org/' }]) =>
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) || !resolved.startsWith('https://registry.npmjs.org/'),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

it('our own dependencies are one version each, no range', () => {
  const ranges = Object.entries({ ...own.dependencies, ...own.devDependencies }).filter(
    ([, version]) => !/^(npm:[\w.-]+@)?\d+\.\d+\.\d+$/.test(String(version)),
  );
  expect(ranges).toEqual([]);
});

it('no package but the bundler runs a script when it is installed', () => {
  const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  expect(scripts).toEqual(['node_modules/esbuild']);
});

it('the docs name the native build by version and hash', () => {
  const said = read('docs/SECURITY.md');
  expect(native?.integrity).toBeDefined();
  expect(said).toContain(`\`${native?.integrity}\``);
  expect(said).toContain(`\`uwebsockets\`, version ${native?.version}`);
  expect(read('README.md')).toContain(`uwebsockets@${native?.version}`);
});

it('the docs name the commit that the native build says it was made from', () => {
  const commit = read('node_modules/uWebSockets.js/source_commit').trim();
  expect(read('docs/SECURITY.md')).toContain(`\`${commit}\``);
});
