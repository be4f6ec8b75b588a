// Runs the packed SDK against a server of its own in Deno, Bun, workerd (what Cloudflare Workers run in) and Jest: `npm run runtimes`.
// The runtimes are large, so they are installed for this alone, from npm, into a folder of their own.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const VERSIONS = { deno: '2.9.6', bun: '1.4.5', workerd: '1.20261117.1', jest: '30.5.2', ws: '8.23.0' };
/** Chosen: who has not ended by then holds something open. */
const MINUTE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'fanfare-runtimes-'));

function run(command, args, options = {}) {
  const ended = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: MINUTE_MS * 5, ...options });
  if (ended.status !== 0) {
    const why = ended.error?.message ?? ended.signal ?? `it ended with ${ended.status}`;
    throw new Error(`${command} ${args.join(' ')}: ${why}\n${ended.stdout}${ended.stderr}`);
  }
  return `${ended.stdout}${ended.stderr}`;
}

/** The line of JSON that somebody has printed among others. */
const told = (text) => JSON.parse(/\{"websocket":.*?\}/.exec(text)?.[0] ?? 'null');
const program = (command, ...args) =>
  told(run(command, [...args, 'program.mjs', url, command.split('/').at(-1)], { timeout: MINUTE_MS }));

async function startServer() {
  const args = [join(root, 'dist/src/cli/main.js'), 'start', '--port', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(createInterface(child.stdout), 'line');
  return { url: JSON.parse(line).url, child };
}

async function inWorkerd() {
  await build({
    absWorkingDir: folder,
    entryPoints: ['worker.mjs'],
    bundle: true,
    format: 'esm',
    outfile: 'bundle.js',
  });
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "bundle.js", esModule = embed "bundle.js")],
      bindings = [(name = "URL", text = "${url}")],
      compatibilityDate = "2026-11-01",
      globalOutbound = "everywhere",
    )),
    (name = "everywhere", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
  writeFileSync(join(folder, 'config.capnp'), config);
  const child = spawn(join(folder, 'node_modules/.bin/workerd'), ['serve', '--control-fd=1', 'config.capnp'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface(child.stdout), 'line');
    const response = await fetch(`http://127.0.0.1:${JSON.parse(line).port}/`, {
      signal: AbortSignal.timeout(MINUTE_MS),
    });
    if (!response.ok) throw new Error(await response.text());
    return await response.json();
  } finally {
    child.kill();
  }
}

function inJest() {
  const args = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--silent=false'];
  const env = { ...process.env, FANFARE_URL: url };
  return told(run(process.execPath, args, { env, timeout: MINUTE_MS }));
}

const { url, child } = await startServer();
let isWrong = false;
try {
  const tarball = join(
    root,
    run(process.execPath, ['scripts/pack-client.mjs'], { cwd: root }).trim().split('\n').at(-1),
  );
  const dependencies = { ...VERSIONS, 'fanfare-client': `file:${tarball}` };
  const jest = {
    transform: {},
    testEnvironment: 'node',
    testMatch: ['**/*.test.mjs'],
    moduleFileExtensions: ['mjs', 'js'],
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies, jest }));
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--legacy-peer-deps']);
  cpSync(join(root, 'scripts/runtimes'), folder, { recursive: true });
  const hosts = {
    deno: () => program('node_modules/.bin/deno', 'run', '--quiet', '--allow-net', '--allow-env'),
    bun: () => program('node_modules/.bin/bun', 'run'),
    workerd: inWorkerd,
    jest: inJest,
  };
  for (const [host, play] of Object.entries(hosts)) {
    try {
      console.log(`${host} ${VERSIONS[host]}: ${JSON.stringify(await play())} (milliseconds)`);
    } catch (error) {
      isWrong = true;
      console.error(`${host} ${VERSIONS[host]}: ${error.message}`);
    }
  }
} finally {
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = isWrong ? 1 : 0;
