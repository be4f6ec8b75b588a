// `npm start` as README has it: npm in front, and the server ends with npm.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let serverPid: number | undefined;
afterEach(() => {
  if (serverPid !== undefined && isRunning(serverPid)) process.kill(serverPid, 'SIGKILL');
});

it('ends with 0 on a SIGTERM to npm, and leaves no server behind', async () => {
  const { PATH = '', HOME = '' } = process.env;
  const npm = spawn('npm', ['start', '--silent', '--', '--port', '0'], {
    cwd: ROOT,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(npm, 'exit');
  const line = await Promise.race([
    once(createInterface(npm.stdout), 'line').then(([first]) => String(first)),
    ended.then(([code]) => Promise.reject(new Error(`npm start ended with ${code} before it was ready`))),
  ]);
  const { url, pid } = JSON.parse(line) as { readonly url: string; readonly pid: number };
  serverPid = pid;
  expect((await fetch(url)).status).toBe(200);

  npm.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(isRunning(pid)).toBe(false);
  await expect(fetch(url)).rejects.toThrow(TypeError);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
