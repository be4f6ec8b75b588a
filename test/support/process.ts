// Runs the `fanfare` command as it is shipped, in processes of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { searchLog } from './leaks.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const READY_WITHIN_MS = 30_000;
/** All clients of a test come from one address: it is bounded where that is the subject, with an empty value for the default. */
const UNBOUNDED = { FANFARE_HANDSHAKES_PER_IP: '0' };

export interface ProcessSetup {
  /** Beside PATH and HOME, which is all that it inherits. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input. */
  readonly input?: string;
  /** Its limit of open files; absent: this process's. */
  readonly openFiles?: number;
  readonly nodeFlags?: readonly string[];
  /** The program, of another build; absent: this one's. */
  readonly main?: string;
}

export interface Finished {
  /** The signal's name when one ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  readonly role: string;
  readonly url: string;
  /** Where operators are served; absent where they have no port of their own. */
  readonly ops?: string;
  readonly pid: number;
  /** All that it has written to standard error. */
  log(): string;
  /** Resolves when standard error holds `text`. */
  logged(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly finished: Promise<Finished>;
  /** SIGINT, which drains without the delay that SIGTERM brings, then its end. Idempotent. */
  stop(): Promise<Finished>;
}

/** Runs a command to its end. */
export function runFanfare(args: readonly string[], setup: ProcessSetup = {}): Promise<Finished> {
  const child = launch(args, setup);
  child.stdin?.end(setup.input ?? '');
  return collected(child, args, setup).finished;
}

/** A client command that goes on: its lines as they come. */
export function followFanfare(args: readonly string[], setup: ProcessSetup = {}) {
  const child = launch(args, setup);
  const { finished, errorOutput } = collected(child, args, setup);
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  return {
    finished,
    /** The next line of standard output. */
    async line(): Promise<string> {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`it ended: ${errorOutput.text}`);
      return value;
    },
    /** Resolves when standard error holds `text`. */
    logged: (text: string) => errorOutput.holds(text),
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
  };
}

/** Starts `fanfare start`, `node` or `discovery`; resolves at its ready line, rejects when it ends before. */
export async function startFanfare(args: readonly string[], setup: ProcessSetup = {}): Promise<ServerProcess> {
  const child = launch(args, setup);
  const { finished, errorOutput } = collected(child, args, setup);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  const first = once(lines, 'line').then(([line]) => String(line));
  const line = await Promise.race([first, finished.then(() => undefined)]);
  clearTimeout(timer);
  if (line === undefined) {
    const { code, stderr } = await finished;
    throw new Error(`fanfare ${args.join(' ')} ended with ${code} before it was ready:\n${stderr}`);
  }
  const { role, url, ops, pid } = JSON.parse(line);
  return {
    ...{ role, url, ops, pid, finished },
    log: () => errorOutput.text,
    logged: (text) => errorOutput.holds(text),
    kill: (signal) => void child.kill(signal),
    stop() {
      child.kill('SIGINT');
      return finished;
    },
  };
}

function launch(
  args: readonly string[],
  { env = {}, openFiles, nodeFlags = [], main = MAIN }: ProcessSetup,
): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const options = { env: { PATH, HOME, ...UNBOUNDED, ...env }, stdio: 'pipe' } as const;
  const command = [process.execPath, ...nodeFlags, main, ...args];
  if (openFiles === undefined) return spawn(process.execPath, command.slice(1), options);
  return spawn('sh', ['-c', 'ulimit -n "$0" && exec "$@"', String(openFiles), ...command], options);
}

class Output {
  text = '';
  #wanted: { readonly text: string; readonly resolve: () => void; readonly reject: () => void }[] = [];
  #ended = false;

  add(chunk: string): void {
    this.text += chunk;
    this.#wanted = this.#wanted.filter(({ text, resolve }) => {
      const found = this.text.includes(text);
      if (found) resolve();
      return !found;
    });
  }

  holds(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve();
    const ended = () => new Error(`it ended without ${JSON.stringify(text)}:\n${this.text}`);
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(ended());
      else this.#wanted.push({ text, resolve, reject: () => reject(ended()) });
    });
  }

  /** Nothing more is coming. */
  end(): void {
    this.#ended = true;
    for (const { reject } of this.#wanted) reject();
    this.#wanted = [];
  }
}

function collected(child: ChildProcess, args: readonly string[], { env = {} }: ProcessSetup) {
  const output = new Output();
  const errorOutput = new Output();
  child.stdout?.setEncoding('utf8').on('data', (chunk) => output.add(chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk) => errorOutput.add(chunk));
  const finished = once(child, 'close').then(([code, signal]): Finished => {
    errorOutput.end();
    searchLog(`fanfare ${args[0]}`, errorOutput.text, env);
    return { code: code ?? signal, stdout: output.text, stderr: errorOutput.text };
  });
  return { finished, errorOutput };
}
