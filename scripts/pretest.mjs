// Before the tests: looks for the programs that they run for real, and installs what is missing where it may.

import { spawnSync } from 'node:child_process';

/** Any C compiler will do; the smallest is installed. */
function compiler() {
  return spawnSync('cc', ['--version']).error ? 'tcc' : 'cc';
}

const TOOLS = [
  { command: 'redis-server', version: /v=(\d+)/, atLeast: 7, package: 'redis-server', for: 'tests with a real Redis' },
  { command: 'chromium', version: /(\d+)\./, atLeast: 100, package: 'chromium', for: 'browser tests' },
  {
    command: 'firefox-esr',
    version: /(\d+)\./,
    atLeast: 128,
    package: 'firefox-esr',
    for: 'tests of the SDK in Firefox ESR',
  },
  {
    // It tells no version.
    command: 'WebKitWebDriver',
    args: ['--help'],
    version: /()/,
    atLeast: 0,
    package: 'webkit2gtk-driver',
    for: 'tests of the SDK in WebKitGTK',
  },
  {
    command: 'Xvfb',
    args: ['-help'],
    version: /()/,
    atLeast: 0,
    package: 'xvfb',
    for: 'tests of the SDK in WebKitGTK',
  },
  {
    command: compiler(),
    ...{ version: /(\d+)\./, atLeast: 0, package: 'tcc libc6-dev' },
    for: 'chaos tests that set clocks',
  },
  { command: 'curl', version: /curl (\d+)/, atLeast: 7, package: 'curl', for: 'tests of the HTTP contract' },
  {
    command: 'nginx',
    args: ['-v'],
    version: /(\d+)\./,
    atLeast: 1,
    package: 'nginx-light',
    for: 'tests behind proxies',
  },
  {
    command: 'varnishd',
    args: ['-V'],
    ...{ version: /varnish-(\d+)/, atLeast: 6, package: 'varnish', for: 'tests of caches' },
  },
  { command: 'haproxy', args: ['-v'], version: /(\d+)\./, atLeast: 2, package: 'haproxy', for: 'tests behind proxies' },
  {
    command: 'openssl',
    args: ['version'],
    version: /(\d+)\./,
    atLeast: 1,
    package: 'openssl',
    for: 'tests behind proxies',
  },
  {
    command: 'ip',
    args: ['-V'],
    ...{ version: /iproute2-(\d+)/, atLeast: 5, package: 'iproute2', for: 'tests in a network of their own' },
  },
  {
    command: 'promtool',
    ...{
      version: /version (\d+)/,
      atLeast: 2,
      package: 'prometheus',
      for: 'tests of metrics, alerts and what else deploy/ has',
    },
  },
  {
    command: 'systemd-analyze',
    ...{ version: /systemd (\d+)/, atLeast: 240, package: 'systemd', for: 'tests of the systemd unit' },
  },
  {
    command: 'java',
    args: ['--list-modules'],
    ...{ version: /jdk.compiler@(\d+)/, atLeast: 11, package: 'default-jdk-headless' },
    for: "tests with other languages' clients",
  },
  {
    command: 'go',
    args: ['version'],
    version: /go(\d+)/,
    atLeast: 1,
    package: 'golang-go',
    for: "tests with other languages' clients",
  },
  {
    command: '/usr/bin/python3',
    args: ['-c', 'import requests; print(requests.__version__)'],
    ...{ version: /(\d+)\./, atLeast: 2, package: 'python3-requests', for: "tests with other languages' clients" },
  },
  {
    command: '/usr/bin/python3',
    args: ['-c', 'import redis; print(redis.__version__)'],
    ...{ version: /(\d+)\./, atLeast: 4, package: 'python3-redis', for: 'tests of the recipes for backends' },
  },
  {
    command: 'php',
    args: ['-r', 'echo class_exists("Redis") && file_exists("/usr/share/php/Predis/autoload.php") ? "8." : exit(1);'],
    version: /(\d+)\./,
    ...{ atLeast: 8, package: 'php-cli php-redis php-nrk-predis', for: 'tests of the recipes for backends' },
  },
  {
    command: 'ruby',
    args: ['-e', 'require "redis"; puts Redis::VERSION'],
    ...{ version: /(\d+)\./, atLeast: 4, package: 'ruby-redis', for: 'tests of the recipes for backends' },
  },
];

/** Why a tool cannot be used; `undefined` when it can. */
function problem(tool) {
  const { command, args = ['--version'] } = tool;
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000 });
  if (error) return 'is not installed';
  if (status !== 0) return `runs without ${tool.package}`;
  // nginx tells its version on standard error.
  const major = Number(tool.version.exec(stdout + stderr)?.[1] ?? 0);
  return major >= tool.atLeast ? undefined : `is too old (${stdout.trim().split('\n')[0]}), ${tool.atLeast} is needed`;
}

/** How this user may install packages; `undefined` when it may not. */
function installer() {
  if (spawnSync('apt-get', ['--version']).error) return undefined;
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function run(command) {
  console.log(`pretest: running ${command.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}

function missing() {
  return TOOLS.map((tool) => ({ ...tool, problem: problem(tool) })).filter((tool) => tool.problem !== undefined);
}

let lacking = missing();
for (const tool of lacking) console.log(`pretest: ${tool.command} ${tool.problem} (${tool.for})`);

const how = lacking.length > 0 ? installer() : undefined;
if (how !== undefined) {
  run([...how, 'apt-get', 'update', '-q']);
  run([
    ...how,
    'apt-get',
    'install',
    '-q',
    '-y',
    '--no-install-recommends',
    ...lacking.flatMap((tool) => tool.package.split(' ')),
  ]);
  lacking = missing();
}

for (const tool of lacking) {
  console.log(`pretest: ${tool.for} will be skipped: ${tool.command} ${tool.problem}`);
}
if (lacking.length > 0) {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  console.log(
    `pretest: type this, then again: ${sudo}apt-get install ${lacking.map((tool) => tool.package).join(' ')}`,
  );
  // A green run in CI must have run everything.
  if (process.env.CI) process.exitCode = 1;
}
