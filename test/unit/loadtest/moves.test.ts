// What a check says of figures that are measured anew: which have moved, which are new, which are gone, and on what they were measured.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { check, describeMoves } from '../../../loadtest/check/check.js';
import { judge, movesOf, withInterval } from '../../../loadtest/check/moves.js';
import { NoResult, readStored } from '../../../loadtest/check/stored-result.js';
import { type Figure, least, most } from '../../../loadtest/figures.js';
import { INSTRUMENTS } from '../../../loadtest/instruments.js';
import { Judge } from '../../../loadtest/judge.js';
import { describeMachine } from '../../../loadtest/machine.js';

const ratio = (values: readonly number[], more: Partial<Figure> = {}): Figure => ({
  ...{ what: 'a flood, uws', values, unit: '× bare', digits: 2, scenario: 'shared' },
  ...more,
});
/** Seven values, as a bench keeps them: their interval is all that they span. */
const THEN = [0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86];
const then = ratio(THEN);
const add = (step: number): number[] => THEN.map((value) => value + step);

describe('a figure', () => {
  it.each<[string, number[], string]>([
    ['better above all of then', add(0.07), 'better'],
    ['worse below all of then', add(-0.07), 'worse'],
    ['within noise where the intervals touch', [0.86, ...add(0.1)], 'within noise'],
    ['within noise where they touch from below', [0.8, ...add(-0.2)], 'within noise'],
    ['within noise where they are the same', add(0), 'within noise'],
    ['better with three values above all of seven', [0.87, 0.9, 0.88], 'better'],
    ['worse with three values below all of seven', [0.79, 0.7, 0.75], 'worse'],
    ['within noise with one of three among them', [0.87, 0.9, 0.86], 'within noise'],
    ['not judged by one value, which lies beyond seven in a quarter of cases', [2], 'too few values'],
    ['refused where a value does not count', [1, 1, Number.NaN], 'refused'],
    ['refused where there is none', [], 'refused'],
  ])('is %s', (_, values, moved) => {
    expect(judge(then, ratio(values))).toBe(moved);
  });

  it('is not judged by three values beside three, which lie beyond them in a tenth of cases', () => {
    expect(judge(ratio([1, 1, 1]), ratio([2, 2, 2]))).toBe('too few values');
    expect(judge(ratio([1, 1, 1, 1, 1]), ratio([2, 2, 2]))).toBe('better');
  });

  it('of which many values were taken is held by the interval of its median, not by its extremes', () => {
    const many = [0.1, ...Array.from({ length: 13 }, () => 1), 9];
    expect(judge(then, ratio(many))).toBe('better');
  });

  it('gets better by less where less is better', () => {
    expect(judge(then, ratio(add(1), { isBetter: 'less' }))).toBe('worse');
    expect(judge(then, ratio(add(-0.5), { budget: most(1) }))).toBe('better');
    expect(judge(then, ratio(add(-0.5), { budget: least(1) }))).toBe('worse');
  });

  it('that did not count then is refused too, as JSON keeps it', () => {
    const kept = JSON.parse(JSON.stringify(ratio([1, Number.NaN]))) as Figure;
    expect(judge(kept, then)).toBe('refused');
    expect(withInterval(kept)).toBe('refused');
  });
});

describe('two results', () => {
  const absolute = { ...then, unit: 'deliveries per CPU-second' };

  it('are compared in ratios alone, figure by figure', () => {
    const { both, added, gone } = movesOf([absolute, then], [absolute, ratio(add(1))], ['shared']);
    expect(both.map(({ before, after, moved }) => [before.values, after.values, moved])).toEqual([
      [THEN, add(1), 'better'],
    ]);
    expect([added, gone]).toEqual([[], []]);
  });

  it('name what is in one of them only, of the scenarios that are measured now', () => {
    const old = [ratio(THEN, { what: 'gone' }), ratio(THEN, { what: 'of another', scenario: 'polls' })];
    const { both, added, gone, isVague } = movesOf(old, [ratio(THEN, { what: 'new' })], ['shared']);
    expect({ both, isVague }).toEqual({ both: [], isVague: false });
    expect([added, gone].map((figures) => figures.map(({ what }) => what))).toEqual([['new'], ['gone']]);
  });

  it('miss nothing of scenarios that the old one does not tell', () => {
    const { scenario: _, ...untold } = ratio(THEN, { what: 'gone' });
    expect(movesOf([untold], [then], ['shared'])).toMatchObject({ gone: [], isVague: true });
  });
});

const MACHINE = { cpu: '2 × x', memoryGiB: 1, kernel: '6', node: 'v20', redis: '7', commit: 'abc' };

it('a check says what has moved with both numbers, and on what other machine', () => {
  const moves = movesOf([then], [ratio(add(-0.2))], ['shared']);
  const here = { ...MACHINE, node: 'v22', redis: '8', memoryGiB: 2, commit: 'def' };
  const stored = { date: '2026-01-01', machine: MACHINE, figures: [then] };
  const text = describeMoves(stored, here, moves, { marks: ['busy'], faults: ['lost'] });
  expect(text.split('\n')).toEqual([
    expect.stringContaining('2026-01-01, commit abc: 1 of 1 ratios'),
    'other than then: machine 2 × x, 1 GiB, now 2 × x, 2 GiB',
    'other than then: Node v20, now v22',
    'other than then: Redis 7, now 8',
    'worse          a flood, uws: then 0.83 (0.80 to 0.86), now 0.63 (0.60 to 0.66) × bare',
    'BUSY, do not quote: busy',
    'INVALID: lost',
  ]);
  expect(describeMoves(stored, MACHINE, moves, { marks: [], faults: [] })).not.toContain('other than then');
});

const folder = mkdtempSync(join(tmpdir(), 'fanfare-moves-'));
afterAll(() => rmSync(folder, { recursive: true }));

function kept(text: string): string {
  const path = join(folder, 'latest.json');
  writeFileSync(path, text);
  return path;
}
const RESULT = { date: '2026-01-01', machine: MACHINE, figures: [then] };

describe('a kept result', () => {
  it('is read as a bench has written it, values that did not count too', () => {
    const result = { ...RESULT, figures: [then, ratio([1, Number.NaN])] };
    expect(readStored(kept(JSON.stringify(result))).figures).toHaveLength(2);
  });

  it.each<[string, unknown, string]>([
    ['no object', [], 'it is no object'],
    ['without a date', { ...RESULT, date: 1 }, 'no date'],
    ['without a machine', { ...RESULT, machine: undefined }, 'no machine'],
    ['of a machine without Redis', { ...RESULT, machine: { ...MACHINE, redis: undefined } }, 'no machine.redis'],
    ['without figures', { ...RESULT, figures: [] }, 'no figures'],
    ['of a figure that is none', { ...RESULT, figures: [then, { what: 'x' }] }, 'figure 1 is none'],
    ['of a figure whose values are texts', { ...RESULT, figures: [{ ...then, values: ['1'] }] }, 'figure 0 is none'],
  ])('is refused %s', (_, value, reason) => {
    const path = kept(JSON.stringify(value));
    expect(() => readStored(path)).toThrow(NoResult);
    expect(() => readStored(path)).toThrow(`too old (${reason})`);
  });

  it('is refused where it cannot be read', () => {
    expect(() => readStored(join(folder, 'nowhere.json'))).toThrow('nowhere.json cannot be read (ENOENT)');
    expect(() => readStored(kept('{'))).toThrow('is not JSON');
  });
});

describe('a check', () => {
  async function checked(path: string, figures: readonly Figure[], faults: readonly string[] = []) {
    const [logged, said, measured]: [string[], string[], string[]] = [[], [], []];
    const log = (line: string) => void logged.push(line);
    const judging = new Judge({ allowBusy: false, attempts: 1, log: () => {} });
    if (faults.length > 0) judging.refuse('x', faults);
    const secrets = { authSecret: '', clusterSecret: '', publishKey: '' };
    const lab = { instruments: INSTRUMENTS, judge: judging, secrets, pairs: 3, log };
    const measure = async (name: string) => {
      measured.push(name);
      return figures;
    };
    const code = await check(lab, ['shared'], path, measure, (text) => void said.push(text));
    return { code, logged, said: said.join('\n'), measured };
  }

  it('ends well whatever has moved', async () => {
    const path = kept(JSON.stringify({ ...RESULT, machine: describeMachine() }));
    for (const step of [-0.5, 0, 0.5]) expect((await checked(path, [ratio(add(step))])).code).toBe(0);
    expect((await checked(path, [ratio(add(-0.5))])).said).toContain('1 of 1 ratios have moved');
  });

  it('fails where a figure could not be measured, and where there is none', async () => {
    const path = kept(JSON.stringify(RESULT));
    expect((await checked(path, [then], ['lost'])).code).toBe(1);
    expect((await checked(path, [{ ...then, unit: 'ms' }])).code).toBe(1);
  });

  it('measures nothing where there is nothing to hold it against', async () => {
    const { code, logged, said, measured } = await checked(join(folder, 'nowhere.json'), [then]);
    expect({ code, said, measured }).toEqual({ code: 64, said: '', measured: [] });
    expect(logged.join()).toMatch(/--check: .*nowhere\.json cannot be read \(ENOENT\): npm run bench/);
  });
});
