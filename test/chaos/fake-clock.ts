// A wall clock of a process's own, which can be set while it runs; its monotonic clock stays true.

import { spawnSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('fake-clock.c', import.meta.url));
/** Either will do. libfaketime would, were it not that it hangs in a Redis that uses jemalloc. */
const COMPILERS = ['cc', 'tcc'];

export interface FakeClock {
  /** What the process must have in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets the clock so many seconds ahead of the true one, or behind. */
  step(seconds: number): Promise<void>;
}

/** The clock of the processes that are started with its environment; its files are made in `directory`. */
export async function createFakeClock(directory: string, name: string): Promise<FakeClock> {
  const library = join(directory, `${name}-clock.so`);
  compile(library);
  const path = join(directory, `${name}.clock`);
  const step = async (seconds: number) => {
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(BigInt(Math.round(seconds * 1_000)));
    // In place: the process has mapped it.
    const file = await open(path, 'r+').catch(() => open(path, 'w'));
    await file.write(offset, 0, offset.length, 0);
    await file.close();
  };
  await step(0);
  return { env: { LD_PRELOAD: library, FAKE_CLOCK_FILE: path }, step };
}

function compile(library: string): void {
  for (const compiler of COMPILERS) {
    const { status } = spawnSync(compiler, ['-shared', '-fPIC', '-o', library, SOURCE]);
    if (status === 0) return;
  }
  throw new Error(`${SOURCE} could not be compiled with ${COMPILERS.join(' or ')}: install tcc and libc6-dev`);
}
