// Runs a program to its end.

import { execFile } from 'node:child_process';

/** What it wrote to standard error, when it ended with 0; else that and its code. What it leaves on standard output is dropped. */
export function runToEnd(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 80_000 }, (error, _stdout, stderr) => {
      resolve(error === null ? stderr : `${program} ended with ${error.code ?? error.signal}: ${stderr}`);
    });
  });
}
