// A process that plays, one thing at a time; it is ended with all that it started where it takes too long.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Play, Played } from './trial.js';

export class Player {
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
    process.once('exit', () => this.end());
  }

  async play(what: Play, limitMs: number): Promise<Played> {
    this.#child ??= await this.#start();
    const child = this.#child;
    child.send(what);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, limitMs, 'late');
    });
    const stop = new AbortController();
    const { signal } = stop;
    const ended = once(child, 'exit', { signal }).then(() => 'ended' as const);
    const first = await Promise.race([once(child, 'message', { signal }), late, ended]);
    clearTimeout(timer);
    stop.abort();
    if (Array.isArray(first)) return first[0] as Played;
    this.end();
    const isLate = first === 'late';
    // Of one file it is known which.
    const file = what.files.length === 1 ? what.files[0] : undefined;
    return { red: { file, test: isLate ? 'it hangs' : 'it ends the process', isLate }, times: [] };
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, 'player.ts'), {
      // A mutant may leak listeners, of which Node would warn.
      env: { ...process.env, NODE_NO_WARNINGS: '1', ...this.#env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    await once(child, 'message');
    return child;
  }

  end(): void {
    const child = this.#child;
    this.#child = undefined;
    if (!child?.pid) return;
    child.removeAllListeners();
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
