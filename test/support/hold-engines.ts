// Holds a trial of each engine that a command names, and says what did not hold.

import type { EngineName } from './engine-host.js';

/** Answers what did not hold. */
export type Trial = (engine: EngineName, say: (line: string) => void) => Promise<readonly string[]>;

/** Answers the exit code. `mark` stands behind the engine in a line of what failed. Rejects with a `TypeError` for an engine that there is not. */
export async function holdEngines(
  command: string,
  engines: readonly string[],
  trial: Trial,
  mark = '',
): Promise<number> {
  const say = (line: string) => console.log(`${command}: ${line}`);
  let failed = 0;
  for (const engine of engines) {
    if (engine !== 'uws' && engine !== 'ws') throw new TypeError(`there is no engine ${engine}`);
    const failures = await trial(engine, say);
    for (const failure of failures) say(`FAILED on ${engine}${mark}: ${failure}`);
    failed += failures.length;
  }
  say(failed === 0 ? 'everything held' : `${failed} things did not hold`);
  return failed === 0 ? 0 : 1;
}
