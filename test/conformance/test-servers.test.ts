// The servers that tests start: one that cannot start is told of at once, with its own words, and none outlives who started it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePorts, privateHost, startRedis } from '../support/redis.js';
import { watched } from '../support/watched.js';

it('a Redis that does not start is told of with what it said', async () => {
  const args = ['--aclfile', '/no/such/file'];
  await expect(startRedis({ args })).rejects.toThrow(/did not start.*no\/such\/file/s);
});

it.each([
  [2, true],
  [3, false],
])('a Redis whose port is taken %i times is started in the end: %j', async (times, isStarted) => {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-taken-'));
  try {
    const [program, tries] = [join(folder, 'server'), join(folder, 'tries')];
    const lines = [`echo try >>${tries}`, `[ $(wc -l <${tries}) -gt ${times} ] && exec redis-server "$@"`];
    await writeFile(program, ['#!/bin/sh', ...lines, 'echo "bind: Address already in use"'].join('\n'), {
      mode: 0o755,
    });
    const starting = startRedis({ env: { FANFARE_TEST_REDIS: program } });
    if (isStarted) await (await starting).stop();
    else await expect(starting).rejects.toThrow('Address already in use');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a program that ends by itself ends what watches it, with its code', async () => {
  const shell = spawn('sh', watched('sh', ['-c', 'exit 7']), { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(shell, 'close');
  shell.stdout.resume();
  expect(await ended).toEqual([7, null]);
});

it('a program ends when nobody holds its standard input any more', async () => {
  const shell = spawn('sh', watched('sh', ['-c', 'echo $$; exec sleep 600']), { stdio: ['pipe', 'pipe', 'ignore'] });
  const [pid] = (await once(shell.stdout, 'data')) as [Buffer];
  const ended = once(shell, 'close');
  shell.stdin.end();
  await ended;
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});

it('ports that are found together are not the same', async () => {
  const ports = await freePorts(privateHost(), 50);
  expect(new Set(ports).size).toBe(50);
});
