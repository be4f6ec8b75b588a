// Ends a program with whoever has started it, however that ends: by itself, by a signal, or killed.

import { type ChildProcess, spawn } from 'node:child_process';

/** It hears of the end of who started it by the end of its input. What has ended may be there for as long as nobody asks for its status. */
const SCRIPT = `read -r _; kill "$1"
for _ in $(seq 100); do kill -0 "$1" || break; sleep 0.1; done
rm -rf "$2"`;

/**
 * SIGTERM for `child` and, when it has ended, the end of its `folder`, once this process is gone. Until then it does nothing, and it goes
 * when `child` has ended.
 */
export function guard(child: ChildProcess, folder: string): void {
  if (child.pid === undefined) return;
  const watcher = spawn('sh', ['-c', SCRIPT, 'guard', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // What a terminal sends to all is not for it.
    detached: true,
  });
  // Where it cannot be started, or has ended, nothing is lost but the guard.
  watcher.once('error', () => undefined);
  watcher.stdin.once('error', () => undefined);
  watcher.unref();
  child.once('exit', () => watcher.kill('SIGKILL'));
}
