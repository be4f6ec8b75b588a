// Programs that tests and the load lab start beside themselves are gone when their owner is, however that ended.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { cacheSkipReason } from '../support/nginx-cache.js';
import { varnishSkipReason } from '../support/varnish-cache.js';

const OWNER = fileURLToPath(new URL('../support/program-owner.ts', import.meta.url));
const PROGRAMS = [
  { name: 'nginx', isThere: cacheSkipReason === undefined },
  { name: 'varnish', isThere: varnishSkipReason === undefined },
  { name: 'peer', isThere: true },
];

/** Its command line, which names its folder; nothing once it is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

it.concurrent.each(
  PROGRAMS.filter(({ isThere }) => isThere).flatMap(({ name }) =>
    (['SIGKILL', 'SIGTERM'] as const).map((signal) => ({ name, signal })),
  ),
)(
  'ends $name, and removes its folder, when its owner is ended by $signal',
  { timeout: 60_000 },
  async ({ name, signal }) => {
    const owner = spawn(process.execPath, ['--import', 'tsx', OWNER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    const pid = Number(line);
    const folder = /fanfare-[a-z]+-\w+/.exec(commandOf(pid))?.[0] ?? '';
    expect(readdirSync(tmpdir())).toContain(folder);
    owner.kill(signal);
    await once(owner, 'exit');
    const left = () => [commandOf(pid), ...readdirSync(tmpdir()).filter((entry) => entry === folder)].join(' ').trim();
    await eventually(async () => left() === '' || left(), 30_000);
  },
);
