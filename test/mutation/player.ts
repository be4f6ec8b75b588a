// Plays the unit tests of the SDK against one mutant after the other, in a process of its own: a mutant may hang it.

import { join } from 'node:path';
import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';
import { ROOT, readSources } from './sources.js';
import type { Play, Played, Red } from './trial.js';

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

/** What has ended in this play; the state that vitest hands out holds what was red in plays before. */
let ended: TestModule[] = [];

const start = (): Promise<Vitest> =>
  createVitest(
    'test',
    {
      config: false,
      root: ROOT,
      watch: false,
      bail: 1,
      pool: 'forks',
      // Each play has a process of its own, which its test files share. What the notes are of, they do not.
      isolate: !!process.env.FANFARE_REACHED,
      fileParallelism: false,
      include: ['test/unit/client-sdk/*.test.ts'],
      exclude: ['**/types.test.ts'],
      setupFiles: [join(ROOT, 'test/mutation/reach.ts')],
      testTimeout: 10_000,
      reporters: [{ onTestModuleEnd: (module: TestModule) => void ended.push(module) }],
      sequence: { sequencer: InOrder },
    } as Parameters<typeof createVitest>[1],
    { plugins: [mutate], logLevel: 'silent' },
  );

const vitest = await start();
const all = await vitest.globTestSpecifications();

const redOf = (module: TestModule): Red => {
  const [test] = module.children.allTests('failed');
  const name = module.moduleId.replace(/.*\//, '');
  return {
    file: module.moduleId,
    test: `${name} "${test?.name ?? 'does not load'}"`,
    isLate: !!test?.result().errors?.some(({ message }) => /timed out in \d/.test(message)),
  };
};

const timeOf = (module: TestModule): number => {
  const { duration, collectDuration, setupDuration, prepareDuration } = module.diagnostic();
  return duration + collectDuration + setupDuration + prepareDuration;
};

const play = async ({ mutant, files }: Play): Promise<Played> => {
  process.env.FANFARE_MUTANT = `${mutant ?? 0}`;
  ended = [];
  const chosen = files[0] ? files.flatMap((file) => all.find(({ moduleId }) => moduleId === file) ?? []) : all;
  const { unhandledErrors } = await vitest.runTestSpecifications(chosen);
  const failed = ended.find((module) => !module.ok());
  const [error] = unhandledErrors;
  const red = failed ? redOf(failed) : error ? { test: `${error}`, isLate: false } : undefined;
  return { red, times: ended.map((module) => [module.moduleId, timeOf(module)]) };
};

process.on('message', (message: Play) => {
  play(message).then(
    (played) => process.send?.(played),
    (error) => process.send?.({ red: { test: String(error), isLate: false }, times: [] } satisfies Played),
  );
});
process.send?.('ready');
