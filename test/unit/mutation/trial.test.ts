// Which tests are believed when they say that they have killed a mutant.

import { describe, expect, it } from 'vitest';
import { Controls, type Play, type Played, tryMutant } from '../../mutation/trial.js';

/** Plays in which a file is red by this rule; notes what was played. */
function scripted(isRed: (file: string, isMutated: boolean, isAlone: boolean) => boolean | 'late') {
  const played: string[] = [];
  const play = async ({ mutant, files }: Play): Promise<Played> => {
    played.push(`${mutant ?? 'none'}: ${files.join(' ')}`);
    for (const file of files) {
      const red = isRed(file, mutant !== undefined, files.length === 1);
      if (red) return { red: { file, test: `${file} fails`, isLate: red === 'late' }, times: [] };
    }
    return { times: [] };
  };
  return { played, play };
}

describe('a mutant', () => {
  it('is killed by a test that goes red with it and is green without', async () => {
    const { play, played } = scripted((file, isMutated) => isMutated && file === 'a');
    const { killer } = await tryMutant(7, ['a', 'b'], new Controls(), play);
    expect(killer).toMatchObject({ file: 'a', isLate: false });
    expect(played).toEqual(['7: a b', 'none: a']);
  });

  it('survives where all that reach it are green', async () => {
    const { play } = scripted(() => false);
    expect(await tryMutant(7, ['a', 'b'], new Controls(), play)).toEqual({ doubted: [] });
  });

  it('is not killed by a test that is red without it too; the tests behind that are asked', async () => {
    const { play } = scripted((file, isMutated) => file === 'a' || (isMutated && file === 'c'));
    const { killer, doubted } = await tryMutant(7, ['a', 'b', 'c'], new Controls(), play);
    expect(killer?.file).toBe('c');
    expect(doubted).toEqual(['a fails']);
  });

  it('is not killed by a test that is red only behind others', async () => {
    const { play } = scripted((file, _isMutated, isAlone) => file === 'b' && !isAlone);
    const { killer, doubted } = await tryMutant(7, ['a', 'b', 'c'], new Controls(), play);
    expect(killer).toBeUndefined();
    expect(doubted).toEqual(['b fails']);
  });

  it('that a test waits for in vain is told apart, and looked at without the mutant each time', async () => {
    const { play, played } = scripted((file, isMutated) => isMutated && file === 'a' && 'late');
    const controls = new Controls();
    expect((await tryMutant(7, ['a'], controls, play)).killer?.isLate).toBe(true);
    await tryMutant(8, ['a'], controls, play);
    expect(played.filter((one) => one === 'none: a')).toHaveLength(2);
  });

  it('that hangs among several files is played against each alone', async () => {
    const play = async ({ mutant, files }: Play): Promise<Played> => {
      if (!mutant || !files.includes('b')) return { times: [] };
      const file = files.length === 1 ? 'b' : undefined;
      return { red: { file, test: 'it hangs', isLate: true }, times: [] };
    };
    const { killer } = await tryMutant(7, ['a', 'b'], new Controls(), play);
    expect(killer).toMatchObject({ file: 'b', isLate: true });
  });
});
