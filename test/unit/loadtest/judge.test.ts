// A window counts, is measured again, or spoils the run.

import { describe, expect, it } from 'vitest';
import { Judge } from '../../../loadtest/judge.js';
import { exitCode, type Result, toText } from '../../../loadtest/report.js';

/** Judges windows that bring these doubts, one after the other, with three attempts. */
async function judged(doubts: readonly (readonly string[])[], allowBusy: boolean, faults: readonly string[] = []) {
  const judge = new Judge({ allowBusy, attempts: 3, log: () => {} });
  let runs = 0;
  const run = async () => {
    runs += 1;
    return runs;
  };
  const counted = await judge.quietly(
    'x',
    run,
    (window) => doubts[window - 1] ?? [],
    () => faults,
  );
  return { counted, runs, faults: judge.faults, marks: judge.marks };
}

const BUSY = ['the machine was busy'];

describe('a window', () => {
  it('counts when nothing was wrong', async () => {
    expect(await judged([], false)).toEqual({ counted: 1, runs: 1, faults: [], marks: [] });
  });

  it('is measured again while the machine is busy', async () => {
    expect(await judged([BUSY, BUSY], false)).toEqual({ counted: 3, runs: 3, faults: [], marks: [] });
  });

  it('is refused with the reason when the machine stays busy', async () => {
    const refused = { counted: undefined, runs: 3, faults: ['x: the machine was busy'], marks: [] };
    expect(await judged([BUSY, BUSY, BUSY], false)).toEqual(refused);
  });

  it('passes on a busy machine when that is allowed, and is marked', async () => {
    const { counted, faults, marks } = await judged([BUSY], true);
    expect({ counted, faults }).toEqual({ counted: 1, faults: [] });
    expect(marks).toEqual([expect.stringContaining('the machine was busy')]);
  });

  it('spoils the run at once when messages went astray, also where a busy machine is allowed', async () => {
    const refused = { counted: undefined, runs: 1, faults: ['x: lost', 'x: the machine was busy'], marks: [] };
    expect(await judged([BUSY], true, ['lost'])).toEqual(refused);
  });
});

describe('a result', () => {
  const figure = { what: 'a figure', values: [1, 2], unit: 'ms', digits: 1 };
  const machine = { cpu: '', memoryGiB: 1, kernel: '', node: '', redis: '', commit: '' };
  const result = {
    date: '',
    command: '',
    machine,
    pairs: 2,
    figures: [figure],
    faults: [],
    marks: [],
  } satisfies Result;

  it('ends well only without a fault', () => {
    expect(exitCode(result)).toBe(0);
    expect(exitCode({ ...result, faults: ['lost'] })).toBe(1);
  });

  it('shows no figure of which a repetition was refused', () => {
    const refused = { ...result, figures: [{ ...figure, values: [1, Number.NaN] }] };
    expect(toText(refused)).toMatch(/^a figure +refused/);
    expect(toText(result)).toMatch(/^a figure +1\.5 \(1\.0 to 2\.0\) ms/);
  });

  it('says of every figure that was let pass not to quote it', () => {
    expect(toText({ ...result, marks: ['a figure: busy'] })).toContain('BUSY, do not quote: a figure: busy');
  });
});
