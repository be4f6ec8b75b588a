// A machine that is set up by docs/PRODUCTION.md alone, beside this machine's own files and network, and what came of it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { skipReason as noChromium } from '../support/chromium.js';
import { findProgram } from '../support/programs.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NEEDED = [
  ...['redis-server', 'redis-cli', 'nginx', 'prometheus', 'promtool', 'openssl'],
  ...['unshare', 'setpriv', 'curl', 'ip'],
];
const STAGE = join(ROOT, 'test/deploy/stage');
/** Chosen: several times what it takes. */
const WITHIN_MS = { slice: 150_000, whole: 20 * 60_000 };

const canUnshare = () => spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']).status === 0;
const missing = NEEDED.filter((name) => findProgram(name) === undefined);

/** Why it cannot be done here. */
export const skipReason: string | undefined =
  process.getuid?.() !== 0
    ? 'it needs root'
    : missing.length > 0
      ? `missing: ${missing.join(', ')}`
      : canUnshare()
        ? noChromium
        : 'namespaces cannot be made here';

export interface DeployTerms {
  readonly clients: number;
  /** The machine comes up, serves and ends, and no more: no Prometheus, no deploy, no new secrets. */
  readonly slice: boolean;
}

export interface Deployed {
  /** What each step told of itself. */
  readonly results: ReadonlyMap<string, string>;
  /** What did not hold: the step, and what it told. */
  readonly failures: readonly string[];
  /** The end of what was printed. */
  readonly log: string;
}

type Expectation = readonly [name: string, holds: (told: string) => boolean];

function expectations({ clients, slice }: DeployTerms): readonly Expectation[] {
  // Two nodes and a discovery; each ends at the deploy, at the three for new secrets, and at last.
  const ends = slice ? 3 : 15;
  const always: readonly Expectation[] = [
    ['config-check', (told) => told === '78'],
    // And whoever publishes cannot log in as a node.
    ['users', (told) => told === 'PONG PONG PONG NOAUTH'],
    ['doctor', (told) => told === '0'],
    ['browser', (told) => told === 'websocket {"to":"the browser"}'],
    [
      'clients',
      (told) => {
        const { published, whole, gaps, closed } = JSON.parse(told);
        return published > (slice ? 3 : 100) && whole === clients && gaps === 0 && closed === 0;
      },
    ],
    ['ends', (told) => told.trim() === Array(ends).fill('0').join(' ')],
    ['left', (told) => told === '0'],
  ];
  if (slice) return always;
  return [
    ...always,
    ['targets', (told) => told === '3'],
    ['refused', (told) => /^401 40[13] 401 .*NOAUTH/.test(told)],
    ['targets-with-new-key', (told) => told === '3'],
    ['acl', (told) => told === 'PONG'],
  ];
}

/** Needs root. Leaves nothing behind: what it wrote was in a mount namespace of its own, and so were its processes. */
export async function deployByThePage(terms: DeployTerms): Promise<Deployed> {
  const stage = mkdtempSync(join(tmpdir(), 'fanfare-deploy-'));
  const args = [join(STAGE, 'outside.sh'), stage, ROOT, String(terms.clients), terms.slice ? 'slice' : 'whole'];
  const child = spawn('unshare', ['--mount', '--kill-child', '--fork', 'bash', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: WITHIN_MS[terms.slice ? 'slice' : 'whole'],
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  rmdirSync(stage);
  const lines = stdout.matchAll(/^result (\S+) (.*)$/gm);
  const results = new Map([...lines].map(([, name = '', told = '']) => [name, told]));
  const failures = expectations(terms).flatMap(([name, holds]) => {
    const told = results.get(name);
    return told !== undefined && holds(told) ? [] : [`${name}: ${told ?? 'nothing came of it'}`];
  });
  return { results, failures, log: `${stdout.slice(-6_000)}\n${stderr.slice(-6_000)}` };
}
