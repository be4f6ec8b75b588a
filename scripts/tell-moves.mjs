// Tells, at the end of `npm test` in CI, which ratios of the bench have moved since the kept result: for information, no test fails with it.

import { spawnSync } from 'node:child_process';

const COMMAND = ['dist/loadtest/bench.js', '--check', '--quick', '--allow-busy', '--only', 'publishes'];
/** Several times what it takes on a machine that is busy otherwise. */
const LONGEST_MS = 45_000;

/** Runs from the repository's folder, at most `longestMs`; `say` is given a line at a time. Never throws. */
export function tellMoves(say = console.log, command = COMMAND, longestMs = LONGEST_MS) {
  const ran = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: longestMs, killSignal: 'SIGTERM' });
  const lines = (text) => (text ?? '').split('\n').filter((line) => line !== '');
  for (const line of lines(ran.stdout)) say(`bench: ${line}`);
  if (ran.status === 0) return;
  const reason = ran.error?.code === 'ETIMEDOUT' ? `not done within ${longestMs / 1000} s` : lines(ran.stderr).at(-1);
  say(`bench: what has moved could not be told: ${reason ?? `it ended with ${ran.status ?? ran.signal}`}`);
}
