// `npm run audit`: what is known against the packages that we stand on, and a list of them (SBOM, CycloneDX) in dist/sbom.cdx.json.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const FILE = 'dist/sbom.cdx.json';

/** From the lock file alone, so that what happens to be installed does not count. */
const { status, stdout, stderr } = spawnSync(
  'npm',
  ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'],
  { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
);
if (status === 0) {
  mkdirSync('dist', { recursive: true });
  writeFileSync(FILE, stdout);
  console.log(`audit: ${JSON.parse(stdout).components.length} packages are listed in ${FILE}`);
} else {
  console.log(`audit: no SBOM: ${stderr.trim()}`);
}

// What is only built and tested with is told, and does not fail: it is no part of what runs.
console.log('audit: all packages, those of the tests too');
spawnSync('npm', ['audit'], { stdio: 'inherit' });
console.log('audit: packages that run');
const runtime = spawnSync('npm', ['audit', '--omit=dev'], { stdio: 'inherit' });
process.exitCode = status === 0 && runtime.status === 0 ? 0 : 1;
