// Growth curves: what is measured becomes a section of the page, is read again with care, and joins what was there.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CURVES, publishCurves } from '../../../loadtest/curves/command.js';
import { type Curve, Drawing, type Series } from '../../../loadtest/curves/curve.js';
import { EXPLANATIONS } from '../../../loadtest/curves/explanations.js';
import { channelsOf } from '../../../loadtest/curves/ground.js';
import { slopesOf } from '../../../loadtest/curves/memory.js';
import { curvesSection } from '../../../loadtest/curves/page.js';
import {
  againstJoining,
  type CurvesResult,
  curvesFile,
  type DatedCurve,
  joined,
  readCurves,
  writeCurves,
} from '../../../loadtest/curves/result.js';
import { toMarkdown } from '../../../loadtest/performance-page.js';
import type { Result } from '../../../loadtest/report.js';

const machine = { cpu: '2 × x', memoryGiB: 1, kernel: '6', node: 'v20', redis: '7', commit: 'abc' };
const outline = { name: 'channels', what: 'A delivery, by channels', x: 'channels', unit: 'µs for each', digits: 1 };
const dated = { date: '2026-01-02', commit: 'abc' };

const curveOf = (further: Partial<DatedCurve> = {}): DatedCurve => ({
  ...{ ...outline, ...dated },
  series: [
    { name: 'bare', points: [{ x: 1, values: [2] }] },
    {
      name: 'uws',
      points: [
        { x: 1, values: [3, 5, 4] },
        { x: 200_000, values: [6, Number.NaN] },
      ],
    },
  ],
  ...further,
});
const resultOf = (...curves: readonly DatedCurve[]): CurvesResult => ({
  ...{ format: 'fanfare-curves-1', command: 'npm run bench -- --curves', machine, curves },
});
const figures: Result = {
  ...{ date: '2026-01-01', command: 'x', machine, pairs: 7, figures: [], faults: [], marks: [] },
};

let root: URL;
beforeEach(() => {
  root = pathToFileURL(`${mkdtempSync(join(tmpdir(), 'fanfare-curves-'))}/`);
  for (const folder of ['loadtest/results/', 'docs/']) mkdirSync(new URL(folder, root), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the section of the page', () => {
  it('has a row for each x and a column for each series, with median, extremes, gaps and what was refused', () => {
    const section = curvesSection(resultOf(curveOf()), { channels: 'Since so it is.' });
    expect(section).toContain('## How it grows');
    expect(section).toContain('on 2026-01-02 at commit abc: 2 × x, 1 GiB');
    expect(section).toContain(
      '### A delivery, by channels\n\nIn µs for each.\n\n| channels | bare | uws |\n|---:|---:|---:|\n' +
        '| 1 | 2.0 | 4.0 (3.0 to 5.0) |\n| 200,000 | – | refused |\n\nSince so it is.\n',
    );
  });

  it('stands in the page of the figures, which says nothing of growth where no curve was drawn', () => {
    expect(toMarkdown(figures, resultOf(curveOf()))).toMatch(
      /## Absolute figures[\s\S]*## How it grows[\s\S]*## How it is measured/,
    );
    expect(toMarkdown(figures)).not.toContain('How it grows');
  });

  it('names each day and commit that curves are of', () => {
    const other = curveOf({ name: 'nodes', date: '2026-01-03', commit: 'def' });
    expect(curvesSection(resultOf(curveOf(), other))).toContain(
      'on 2026-01-02 at commit abc, on 2026-01-03 at commit def:',
    );
  });

  it('has an explanation for nothing but what is drawn', () => {
    for (const name of Object.keys(EXPLANATIONS)) expect(Object.keys(CURVES)).toContain(name.replace(/-.*/, ''));
  });
});

describe("a result's file", () => {
  const file = () => curvesFile(root);

  it('is read as it was written, with what did not count', () => {
    writeCurves(resultOf(curveOf()), file());
    expect(readCurves(file())).toEqual({ result: resultOf(curveOf()) });
  });

  it('may be absent', () => {
    expect(readCurves(file())).toEqual({});
  });

  it.each([
    ['half a file', '{"format":', /curves\.json is not JSON; remove it, or write it anew/],
    [
      'another format',
      '{"format":"fanfare-curves-0","curves":[]}',
      /curves\.json is no result of .*format: .*curves: /,
    ],
    ['no object', '[]', /curves\.json is no result of .*all of it: /],
    [
      'a value that is a text',
      JSON.stringify(resultOf(curveOf())).replace('[3,5,4]', '["3"]'),
      /points\.0\.values\.0: /,
    ],
  ])('is refused, with how to mend it, when it holds %s', (_, text, said) => {
    writeFileSync(file(), text);
    const { result, mistake } = readCurves(file());
    expect(result).toBeUndefined();
    expect(mistake).toMatch(said);
    expect(mistake).toContain('npm run bench -- --curves');
  });

  it('takes what is measured again in its old place, and what is new at its end', () => {
    const [one, two, three] = ['channels', 'nodes', 'history'].map((name) => curveOf({ name }));
    if (one === undefined || two === undefined || three === undefined) throw new TypeError('there are three');
    const fresh = { ...one, date: '2026-02-02' };
    expect(joined(resultOf(one, two), resultOf(three, fresh)).curves).toEqual([fresh, two, three]);
    expect(joined(undefined, resultOf(two)).curves).toEqual([two]);
  });

  it('is not joined with curves of another machine, but with those of another commit', () => {
    const before = resultOf(curveOf());
    expect(againstJoining(before, { ...machine, commit: 'def' })).toBeUndefined();
    expect(againstJoining(before, { ...machine, node: 'v24', redis: '8' })).toContain(
      'node was v20, here it is v24; redis was 7, here it is 8',
    );
    expect(againstJoining(undefined, machine)).toBeUndefined();
  });

  it('is written with the page, of the last figures; without figures the page is left alone', () => {
    const page = new URL('docs/PERFORMANCE.md', root);
    writeFileSync(page, 'mine');
    const said: string[] = [];
    publishCurves(resultOf(curveOf()), (line) => said.push(line), root);
    expect(readFileSync(page, 'utf8')).toBe('mine');
    expect(said.join('\n')).toContain('there are no figures yet');
    writeFileSync(new URL('loadtest/results/latest.json', root), JSON.stringify(figures));
    publishCurves(resultOf(curveOf()), (line) => said.push(line), root);
    expect(readFileSync(page, 'utf8')).toBe(toMarkdown(figures, resultOf(curveOf())));
    expect(readCurves(file()).result?.curves).toHaveLength(1);
  });
});

describe('what is drawn', () => {
  it('has the values of each server at each point in the order in which they came', () => {
    const drawing = new Drawing(outline);
    for (const value of [1, 2]) drawing.add('uws', 10, value);
    drawing.add('ws', 10, 3);
    drawing.add('uws', 20, 4);
    const uws: Series = {
      name: 'uws',
      points: [
        { x: 10, values: [1, 2] },
        { x: 20, values: [4] },
      ],
    };
    expect(drawing.curve()).toEqual({
      ...outline,
      series: [uws, { name: 'ws', points: [{ x: 10, values: [3] }] }],
    } satisfies Curve);
  });

  it('publishes to every client in turn before it goes on with the next channels, and to each as often', () => {
    const options = { kind: 'uws', clients: 2, channelsEach: 3 } as const;
    expect(channelsOf(options)).toEqual(['news:0:0', 'news:1:0', 'news:0:1', 'news:1:1', 'news:0:2', 'news:1:2']);
    expect(channelsOf({ ...options, mostPublished: 3 })).toEqual(['news:0:0', 'news:1:0']);
    expect(channelsOf({ kind: 'uws', clients: 2 })).toEqual(['news']);
  });

  it('holds the memory of each count against that of the first', () => {
    expect(slopesOf([10, 20, 40], [1_000, 11_240, 62_440])).toEqual([
      { x: 20, kib: 1 },
      { x: 40, kib: 2 },
    ]);
  });
});
