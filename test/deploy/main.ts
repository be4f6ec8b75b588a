// `npm run test:deploy`: types what docs/PRODUCTION.md says to type, on this machine, beside its own files and network, and says what came of it.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findProgram } from '../support/programs.js';

const USAGE = `npm run test:deploy -- [options]
  --clients <n>   that stay connected while nodes are deployed (default 500)
It needs root, and redis-server, nginx, prometheus, openssl and util-linux of Debian.`;
const NEEDED = ['redis-server', 'nginx', 'prometheus', 'promtool', 'openssl', 'unshare', 'setpriv', 'curl', 'ip'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Chosen: several times what it takes. */
const WITHIN_MS = 10 * 60_000;

const { values: options } = parseArgs({
  options: { clients: { type: 'string', default: '500' }, help: { type: 'boolean', default: false } },
});

/** What did not hold. */
function failuresOf(results: ReadonlyMap<string, string>, clients: number): readonly string[] {
  const expected: Readonly<Record<string, (told: string) => boolean>> = {
    'config-check': (told) => told === '78',
    doctor: (told) => told === '0',
    targets: (told) => told === '3',
    acl: (told) => told === 'PONG',
    clients(told) {
      const { published, whole, gaps, closed } = JSON.parse(told);
      return published > 100 && whole === clients && gaps === 0 && closed === 0;
    },
    ends: (told) => told.trim() === '0 0 0 0 0 0',
  };
  return Object.entries(expected).flatMap(([name, holds]) => {
    const told = results.get(name);
    return told !== undefined && holds(told) ? [] : [`${name}: ${told ?? 'nothing came of it'}`];
  });
}

function main(): number {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const missing = NEEDED.filter((name) => findProgram(name) === undefined);
  if (process.getuid?.() !== 0 || missing.length > 0) {
    console.error(`test:deploy: ${missing.length > 0 ? `missing: ${missing.join(', ')}` : 'needs root'}\n${USAGE}`);
    return 69;
  }
  const stage = mkdtempSync(join(tmpdir(), 'fanfare-deploy-'));
  const args = ['--mount', 'bash', join(ROOT, 'test/deploy/stage/outside.sh'), stage, ROOT, options.clients];
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: WITHIN_MS, maxBuffer: 1 << 28 });
  rmdirSync(stage);
  const results = new Map(
    [...stdout.matchAll(/^result (\S+) (.*)$/gm)].map(([, name = '', told = '']) => [name, told]),
  );
  for (const [name, told] of results) console.log(`test:deploy: ${name} ${told}`);
  const failures = failuresOf(results, Number(options.clients));
  if (failures.length > 0) console.error(`${stdout.slice(-6_000)}\n${stderr.slice(-6_000)}`);
  for (const failure of failures) console.error(`test:deploy: FAILED ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = main();
