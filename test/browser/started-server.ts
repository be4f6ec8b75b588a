// `fanfare start` as a person runs it: the built program in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { searchLog } from '../support/leaks.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface StartedServer {
  readonly url: string;
  /** Ends it the way an operator does; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Resolves when the process says that it is ready; rejects with its log when it ends before. */
export async function startServer(env: Readonly<Record<string, string>> = {}): Promise<StartedServer> {
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('FANFARE_'));
  const child = spawn(process.execPath, [MAIN, 'start', '--port', '0'], {
    env: { ...Object.fromEntries(ours), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-10_000);
  });
  const exited = once(child, 'exit');
  void exited.then(() => searchLog('fanfare start', log, {}));
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([first]) => String(first)),
    exited.then(([code]) => Promise.reject(new Error(`start ended with ${code}: ${log}`))),
  ]);
  const ready: unknown = JSON.parse(line);
  if (typeof ready !== 'object' || ready === null || !('url' in ready)) throw new Error(`no ready line: ${line}`);
  return {
    url: String(ready.url),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}
