// The servers that tests start: one that cannot start is told of at once, with its own words, and none outlives who started it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { freePorts, privateHost, startRedis } from '../support/redis.js';
import { watched } from '../support/watched.js';

it('a Redis that does not start is told of with what it said', async () => {
  const args = ['--aclfile', '/no/such/file'];
  await expect(startRedis({ args })).rejects.toThrow(/did not start.*no\/such\/file/s);
});

it('a Redis whose port is taken is given up after three, with what it said', async () => {
  const taken = await startRedis();
  const args = ['--bind', taken.host, '--port', String(taken.port)];
  await expect(startRedis({ args })).rejects.toThrow('Address already in use');
  await taken.stop();
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
