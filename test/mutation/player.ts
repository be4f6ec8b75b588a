// Plays the unit tests of the SDK against one mutant after the other, in a process of its own: a mutant may hang it.

import { join } from 'node:path';
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node';
import { ROOT, readSources } from './sources.js';

/** What to play: the mutant that is awake, if any, and the test files in their order. */
export interface Play {
  readonly mutant?: number;
  readonly files: readonly string[];
}

export interface Played {
  readonly mutant?: number | undefined;
  /** The test that went red, if one did. */
  readonly red?: string | undefined;
  readonly ms: number;
}

const sources = readSources();

const mutate = {
  name: 'mutants',
  enforce: 'pre' as const,
  transform(_code: string, id: string) {
    const source = sources.get(id.replace(`${ROOT}/`, ''));
    return source && { code: source.text, map: null };
  },
};

class InOrder {
  sort = async (specifications: TestSpecification[]): Promise<TestSpecification[]> => specifications;
  shard = this.sort;
}

const start = (): Promise<Vitest> =>
  createVitest(
    'test',
    {
      config: false,
      root: ROOT,
      watch: false,
      bail: 1,
      pool: 'forks',
      // Each mutant has a process of its own, which its test files share. What the notes are of, they do not.
      isolate: !!process.env.FANFARE_REACHED,
      fileParallelism: false,
      include: ['test/unit/client-sdk/*.test.ts'],
      exclude: ['**/types.test.ts'],
      setupFiles: [join(ROOT, 'test/mutation/reach.ts')],
      testTimeout: 10_000,
      reporters: [{}],
      sequence: { sequencer: InOrder },
    } as Parameters<typeof createVitest>[1],
    { plugins: [mutate], logLevel: 'silent' },
  );

const vitest = await start();
const all = await vitest.globTestSpecifications();

const play = async ({ mutant, files }: Play): Promise<Played> => {
  const sinceMs = performance.now();
  process.env.FANFARE_MUTANT = `${mutant ?? 0}`;
  const chosen = files[0] ? files.flatMap((file) => all.find(({ moduleId }) => moduleId === file) ?? []) : all;
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(chosen);
  const failed = testModules.find((module) => !module.ok());
  const tests = [...(failed?.children.allTests('failed') ?? [])];
  const name = failed && `${failed.moduleId.replace(/.*\//, '')} "${tests[0]?.name ?? 'does not load'}"`;
  const red = name ?? (unhandledErrors[0] ? `${unhandledErrors[0]}` : undefined);
  return { mutant, red, ms: performance.now() - sinceMs };
};

process.on('message', (message: Play) => {
  play(message).then(
    (played) => process.send?.(played),
    (error) => process.send?.({ mutant: message.mutant, red: String(error), ms: 0 }),
  );
});
process.send?.('ready');
