// The HTTP clients that other languages come with, compiled once for whoever runs them.

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runToEnd } from './run-to-end.js';

type Command = readonly [program: string, ...args: string[]];

/** A client that publishes, streams and polls, and exits with 0 once it saw what it published. */
export interface LanguageClient {
  readonly title: string;
  /** What exits with 0 where it can run; scripts/pretest.mjs installs it. */
  readonly needs: Command;
  /** Makes it, in this folder, where it has to be compiled. */
  readonly make?: (folder: string) => Command;
  /** What stands before the arguments that all get. */
  readonly command: (folder: string) => Command;
}

/** Whom it asks, and with what. */
export interface Errand {
  readonly url: string;
  readonly ticket: string;
  readonly publishKey: string;
  readonly channel: string;
}

const source = (name: string) => fileURLToPath(new URL(`../conformance/clients/${name}`, import.meta.url));
/** Debian's: another one on the path may lack the package. */
const PYTHON = '/usr/bin/python3';
/** A second of the tests' time spent on compiling well is none saved. */
const QUICK_JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

const python = (library: string): LanguageClient => ({
  title: `Python's ${library}`,
  needs: [PYTHON, '-c', `import ${library}`],
  command: () => [PYTHON, source('python-client.py'), library],
});

/** With these options, in one word. */
export const curl = (title: string, options: string): LanguageClient => ({
  title: `curl ${title}`,
  needs: ['curl', '--version'],
  command: () => ['sh', source('curl-client.sh'), options],
});

export const CLIENTS: readonly LanguageClient[] = [
  python('requests'),
  python('urllib3'),
  {
    title: "Java's HttpClient",
    needs: ['sh', '-c', 'java --list-modules | grep -q jdk.compiler'],
    make: (folder) => ['javac', '-d', folder, source('java-client.java')],
    command: (folder) => ['java', ...QUICK_JAVA, '-cp', folder, 'JavaClient'],
  },
  {
    title: "Go's net/http",
    needs: ['go', 'version'],
    make: (folder) => ['go', 'build', '-o', join(folder, 'go-client'), source('go-client.go')],
    command: (folder) => [join(folder, 'go-client')],
  },
  curl('with HTTP/1.1', '--http1.1'),
  curl('that offers HTTP/2', '--http2'),
];

export const canRun = ({ needs: [program, ...args] }: LanguageClient) => spawnSync(program, args).status === 0;

/** Compiles what has to be, all at once; `remove` takes it away again. */
export async function makeClients(clients: readonly LanguageClient[]) {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-clients-'));
  const run = promisify(execFile);
  await Promise.all(
    clients.filter(canRun).map(async ({ make }) => {
      const [program, ...args] = make?.(folder) ?? ['true'];
      await run(program, args);
    }),
  );
  return {
    /** Nothing, when it saw what it published; else what it says. */
    run: ({ command }: LanguageClient, { url, ticket, publishKey, channel }: Errand) => {
      const [program, ...args] = command(folder);
      return runToEnd(program, [...args, url, ticket, publishKey, channel]);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
