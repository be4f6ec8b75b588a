// Starts a worker of a chaos run in a process of its own, and asks it things.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Question {
  readonly number: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** What a worker can be asked, by name. */
export type Questions = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers the parent's questions, in the worker. The process ends with its parent. */
export function serve(questions: Questions): void {
  process.on('message', async ({ number, name, argument }: Question) => {
    const tell = (answer: Omit<Answer, 'number'>) => process.send?.({ number, ...answer });
    try {
      tell({ result: await questions[name]?.(argument as never) });
    } catch (error) {
      tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', () => process.exit(0));
}

export class WorkerProcess<Q extends Questions> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  /** `file` is a TypeScript module beside this one. */
  constructor(file: string) {
    const module = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(module, { execArgv: ['--import', 'tsx', '--max-old-space-size=4096'] });
    this.#child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.number)?.(answer);
      this.#waiting.delete(answer.number);
    });
    this.#child.on('exit', (code, signal) => {
      for (const tell of this.#waiting.values()) tell({ number: 0, error: `${file} ended: ${code ?? signal}` });
      this.#waiting.clear();
    });
  }

  async ask<N extends keyof Q & string>(name: N, argument: Parameters<Q[N]>[0]): Promise<Awaited<ReturnType<Q[N]>>> {
    const number = ++this.#asked;
    if (!this.#child.connected) throw new Error('the worker has ended');
    const { result, error } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.send({ number, name, argument });
    });
    if (error !== undefined) throw new Error(error);
    return result as Awaited<ReturnType<Q[N]>>;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}
