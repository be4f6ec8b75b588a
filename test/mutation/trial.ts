// Tries a mutant against the tests that reach it: it is killed by a test that goes red with it, alone in its process, and is green so without it.

/** What to play: the mutant that is awake, if any, and the test files in their order. */
export interface Play {
  readonly mutant?: number;
  readonly files: readonly string[];
}

/** A test that went red; the file is unknown where a process hung or ended. */
export interface Red {
  readonly file?: string | undefined;
  readonly test: string;
  /** What it waited for did not come. */
  readonly isLate: boolean;
}

export interface Played {
  /** The first test that went red, if one did. */
  readonly red?: Red | undefined;
  /** Milliseconds that each file took. */
  readonly times: readonly (readonly [file: string, ms: number])[];
}

export interface Verdict {
  /** By what it is killed. */
  readonly killer?: Red | undefined;
  /** Tests that went red, and were no witnesses: they do so without the mutant too, or only behind others. */
  readonly doubted: readonly string[];
}

/** Whether a file is green without a mutant, alone in its process; that it was is good for all mutants. */
export class Controls {
  readonly #green = new Set<string>();

  /** What was late is looked at each time: the machine may be busier than it was. */
  async isGreen(file: string, isLate: boolean, play: (what: Play) => Promise<Played>): Promise<boolean> {
    if (!isLate && this.#green.has(file)) return true;
    const { red } = await play({ files: [file] });
    if (!red) this.#green.add(file);
    return !red;
  }
}

export async function tryMutant(
  mutant: number,
  files: readonly string[],
  controls: Controls,
  play: (what: Play) => Promise<Played>,
): Promise<Verdict> {
  const doubted: string[] = [];
  /** Whether it is red with it alone, and green without. */
  const judge = async (file: string, first?: Red): Promise<Red | undefined> => {
    const red = first ?? (await play({ mutant, files: [file] })).red;
    if (red && (await controls.isGreen(file, red.isLate, play))) return red;
    if (red) doubted.push(red.test);
    return undefined;
  };

  for (let left = files; left[0]; ) {
    const { red } = await play({ mutant, files: left });
    if (!red) break;
    const { file } = red;
    if (!file) {
      // One of them hangs, or throws where nobody waits.
      for (const one of left) {
        const killer = await judge(one);
        if (killer) return { killer, doubted };
      }
      break;
    }
    const killer = await judge(file, file === left[0] ? red : undefined);
    if (killer) return { killer, doubted };
    if (!doubted.includes(red.test)) doubted.push(red.test);
    left = left.slice(left.indexOf(file) + 1);
  }
  return { doubted };
}
