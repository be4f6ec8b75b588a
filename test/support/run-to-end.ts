// Runs a program to its end.

import { execFile } from 'node:child_process';

/** Nothing, when it ended with 0; else its code and what it wrote to standard error. */
export function runToEnd(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 80_000 }, (error, _stdout, stderr) => {
      resolve(error === null ? '' : `${program} ended with ${error.code ?? error.signal}: ${stderr}`);
    });
  });
}
