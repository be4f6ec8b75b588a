// A run's result: rounds interleaved, kept one by one, gone on with only where they belong together, histograms merged.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'hdr-histogram-js';
import { afterAll, describe, expect, it } from 'vitest';
import { type Arm, DEFAULTS, planOf } from '../../../loadtest/plan/arm.js';
import { withoutMissing } from '../../../loadtest/run/command.js';
import { CONTENDERS } from '../../../loadtest/run/contenders.js';
import { encodeHistogram, mergeHistograms } from '../../../loadtest/run/histograms.js';
import {
  faultsOfResult,
  type LabResult,
  type Outcome,
  readResult,
  reasonsAgainstResuming,
  writeResult,
} from '../../../loadtest/run/result.js';
import { run } from '../../../loadtest/run/run.js';
import { showSpread, summarize } from '../../../loadtest/run/summary.js';
import { toTextTable } from '../../../loadtest/run/text-table.js';
import { parseWire, wireBetween } from '../../../loadtest/run/wire.js';
import { labResult, trafficCounts } from './lab-results.js';

const folder = mkdtempSync(join(tmpdir(), 'fanfare-lab-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SOUND: Outcome = { faults: [], doubts: [], traffic: trafficCounts({ server: 0.001 }) };

function begun(transports: readonly Arm['transport'][], rounds: number): LabResult {
  const { arms } = planOf([{ ...DEFAULTS, name: 'a', what: 'a', transport: transports }]);
  return { ...labResult([]), rounds, arms: arms.map((arm) => ({ arm, rounds: [] })) };
}

/** Runs with an instrument that notes what it was asked for. */
async function noted(result: LabResult, options: Partial<Parameters<typeof run>[1]> = {}) {
  const asked: string[] = [];
  const log: string[] = [];
  const measure = async (arm: Arm): Promise<Outcome> => {
    asked.push(arm.transport);
    return SOUND;
  };
  const done = await run(result, {
    measure,
    save: () => {},
    log: (line) => void log.push(line),
    commit: 'c1',
    ...options,
  });
  return { asked, log, done };
}

describe('a run', () => {
  it('takes the arms in turn, backwards every other round', async () => {
    const { asked, log } = await noted(begun(['websocket', 'sse'], 3));
    expect(asked).toEqual(['websocket', 'sse', 'sse', 'websocket', 'websocket', 'sse']);
    expect(log.at(-1)).toMatch(/^6\/6 .* µs\/delivery; about 0 min left$/);
  });

  it('goes on where it was interrupted, with what it had kept', async () => {
    const path = join(folder, 'interrupted.json');
    let kept = 0;
    const save = (result: LabResult): void => {
      writeResult(path, result);
      kept += 1;
      if (kept === 3) throw new Error('interrupted');
    };
    await expect(noted(begun(['websocket', 'sse'], 2), { save })).rejects.toThrow('interrupted');
    const { asked, done } = await noted(readResult(path));
    expect(asked).toEqual(['websocket']);
    expect(done.arms.map(({ rounds }) => rounds.length)).toEqual([2, 2]);
  });

  it('begins nothing that would end after its time, and says what it leaves out', async () => {
    let nowMs = 0;
    const measure = async (): Promise<Outcome> => {
      nowMs += 40;
      return SOUND;
    };
    const { log, done } = await noted(begun(['websocket', 'sse'], 2), { measure, nowMs: () => nowMs, untilMs: 100 });
    expect(done.arms.map(({ rounds }) => rounds.length)).toEqual([1, 1]);
    expect(log.at(-1)).toBe('the time is over: 2 of 4 measurements are left out');
    expect(toTextTable(done)).toContain('not finished: 2 of 2 lines have fewer than 2 rounds');
  });

  it('keeps why an arm failed, and measures the others', async () => {
    const measure = async ({ transport }: Arm): Promise<Outcome> => {
      if (transport === 'sse') throw new Error('the server printed no ready line in time');
      return SOUND;
    };
    const { done } = await noted(begun(['sse', 'websocket'], 1), { measure });
    expect(summarize(done).map(({ counted }) => counted)).toEqual([0, 1]);
    expect(faultsOfResult(done).join()).toContain('the server printed no ready line in time');
    expect(toTextTable(done)).toMatch(/sse .*refused/);
  });
});

describe('a result', () => {
  it('is not gone on with at another commit, on another machine, or where nobody knows the commit', () => {
    const result = labResult([]);
    const { machine } = result;
    expect(reasonsAgainstResuming(result, machine)).toEqual([]);
    expect(reasonsAgainstResuming(result, { ...machine, commit: 'c2' }).join()).toContain(
      'begun at commit c1, this is c2',
    );
    expect(reasonsAgainstResuming(result, { ...machine, cpu: '4 × b' })).toEqual(['cpu was 2 × a, here it is 4 × b']);
    expect(reasonsAgainstResuming(result, { ...machine, commit: 'unknown' }).join()).toContain('no git repository');
  });

  it('whose first half came from another commit is told, though its head names one', () => {
    const halves = labResult([[{}, { commit: 'c0' }]]);
    expect(faultsOfResult(halves)).toEqual(['rounds come from different commits: c1, c0']);
    expect(toTextTable(halves)).toContain('INVALID: rounds come from different commits');
  });

  it.each(['', '{}', '[]', 'null'])('is not made of %j', (text) => {
    const path = join(folder, 'odd.json');
    writeFileSync(path, text);
    expect(() => readResult(path)).toThrow(/is not (JSON|a result of the lab)/);
  });

  it('tells no figure of a round on a busy machine, unless that was asked for, and then marks it', () => {
    const busy = labResult([[{ doubts: ['the machine was busy'] }]]);
    expect(toTextTable(busy)).toContain('refused: a · uws · websocket');
    const let_ = toTextTable({ ...busy, allowBusy: true });
    expect(let_).toContain('1,000.00*');
    expect(let_).toContain('* do not quote: a · uws · websocket');
  });

  it('shows the median and the extremes of its rounds', () => {
    const result = labResult([[1, 3, 2].map((server) => ({ traffic: trafficCounts({ server }) }))]);
    const spread = summarize(result)[0]?.spreads.serverUs;
    expect(spread === undefined ? '' : showSpread(spread, 0)).toBe('2,000 (1,000–3,000)');
  });

  it('says of a server that this machine has not that it is missing', () => {
    const plan = planOf([{ ...DEFAULTS, name: 'a', what: 'a', engine: ['uws', 'ws'], transport: ['sse'] }]);
    const here = { missing: () => undefined };
    const gone = { missing: () => 'is not installed' };
    const { arms, leftOut } = withoutMissing(plan, { ...CONTENDERS, uws: here, ws: gone });
    expect(arms.map(({ engine }) => engine)).toEqual(['uws']);
    expect(leftOut).toEqual(['MISSING: ws: is not installed']);
  });
});

describe('histograms', () => {
  const histogramOf = (values: readonly number[]) => {
    const histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
    for (const value of values) histogram.recordValue(value);
    return encodeHistogram(histogram);
  };

  it('are merged: a percentile is that of all latencies, not the mean of two', () => {
    const quick = histogramOf(Array.from({ length: 990 }, () => 1_000));
    const slow = histogramOf(Array.from({ length: 10 }, () => 100_000));
    const merged = mergeHistograms([quick, '', slow]);
    expect(merged?.totalCount).toBe(1_000);
    expect(merged?.getValueAtPercentile(50)).toBe(1_000);
    expect(merged?.getValueAtPercentile(99)).toBe(1_000); // the mean of both would be 50,500
    expect(merged?.getValueAtPercentile(99.5)).toBeGreaterThan(99_000);
    expect(mergeHistograms(['', ''])).toBeUndefined();
  });
});

describe('bytes on the wire', () => {
  const line = (peer: string, sent: number, received: number, out: number, into: number) =>
    `0 0 127.0.0.1:8080 ${peer} cubic wscale:10,10 bytes_sent:${sent} bytes_acked:${sent} bytes_received:${received} segs_out:${out} segs_in:${into} data_segs_out:9`;

  it('are those of all clients with their headers, and none of the publisher', () => {
    const before = parseWire(`${line('127.0.0.2:5', 100, 10, 1, 1)}\n${line('127.0.0.1:6', 7, 7, 7, 7)}\n`);
    const after = parseWire(`${line('127.0.0.2:5', 300, 15, 3, 2)}\n${line('127.0.0.1:6', 9, 9, 9, 9)}\n`);
    expect(wireBetween(before, after)).toEqual({ bytes: 200 + 5 + 3 * 52, segments: 3 });
  });

  it('are not told where a link has gone, or where nobody can tell', () => {
    const before = parseWire(line('127.0.0.2:5', 100, 10, 1, 1));
    expect(wireBetween(before, parseWire(line('127.0.0.2:9', 1, 1, 1, 1)))).toBeUndefined();
    expect(wireBetween(undefined, before)).toBeUndefined();
  });
});
