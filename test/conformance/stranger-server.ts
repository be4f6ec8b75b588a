// Runs the built server as its own process, the way an operator would: environment in, one ready line out.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { searchLog } from '../support/leaks.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface RunningServer {
  readonly url: string;
  /** Everything written to standard error so far. */
  log(): string;
  /** `undefined` while it runs. */
  exitCode(): number | null | undefined;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `fanfare <command>` on a free port; resolves at its ready line, rejects with its log when it ends before. */
export async function startServer(
  command: 'start' | 'node' | 'discovery',
  env: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  const child = spawn(process.execPath, [MAIN, command, '--port', '0'], {
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'test', FANFARE_HANDSHAKES_PER_IP: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  let exitCode: number | null | undefined;
  const ended = once(child, 'exit').then(([code]) => {
    exitCode = code as number | null;
    searchLog(`fanfare ${command}`, log, env);
    return exitCode;
  });
  const url = await Promise.race([
    readyUrl(child),
    ended.then((code) => Promise.reject(new Error(`the server ended with ${code} before it was ready:\n${log}`))),
  ]);
  return {
    url,
    log: () => log,
    exitCode: () => exitCode,
    stop(signal = 'SIGKILL') {
      child.kill(signal);
      return ended;
    },
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const line = text.indexOf('\n');
      if (line === -1) return;
      try {
        const ready = JSON.parse(text.slice(0, line)) as { ready?: unknown; url?: unknown };
        if (ready.ready !== true || typeof ready.url !== 'string') throw new Error('not a ready line');
        resolve(ready.url);
      } catch (error) {
        reject(new Error(`expected a ready line, got ${JSON.stringify(text)}`, { cause: error }));
      }
    });
  });
}
