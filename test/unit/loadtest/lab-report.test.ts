// The report that is made of a result: every line in it, nothing from elsewhere, and what was wrong said first.

import { build } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { compareResults, describeComparison } from '../../../loadtest/page/compare.js';
import { toHtml } from '../../../loadtest/page/html.js';
import { toMarkdown, toPicture } from '../../../loadtest/page/readme.js';
import type { Arm } from '../../../loadtest/plan/arm.js';
import { encodeHistogram } from '../../../loadtest/run/histograms.js';
import type { Round } from '../../../loadtest/run/result.js';
import { labResult, trafficCounts } from './lab-results.js';

function histogram(ms: number): string {
  const all = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  for (let at = 0; at < 100; at += 1) all.recordValue(ms * 1_000 + at * 10);
  return encodeHistogram(all);
}

const rounds = (ms: number): readonly Partial<Round>[] => [{ traffic: trafficCounts({ histogram: histogram(ms) }) }];
const POLLS: readonly Partial<Arm>[] = [500, 1_000, 2_000].map((pollEvery) => ({ transport: 'short-poll', pollEvery }));
const ARMS: readonly Partial<Arm>[] = [
  { transport: 'websocket' },
  { transport: 'sse' },
  ...POLLS,
  { rate: 'idle', scenario: 'idle' },
];
const RESULT = labResult(
  [rounds(1), rounds(2), rounds(250), rounds(500), rounds(1_000), [{ linkBytes: 3_000 }]],
  ARMS.map((arm) => ({ ...arm, links: 200 })),
);

/** The text of a page, without its marks. */
const textOf = (html: string): string => html.replace(/<[^>]+>/g, '\n');
const chart = (html: string, title: string): string =>
  html.split('<figure>').find((figure) => figure.includes(`<figcaption>${title}`)) ?? '';

describe('the report', () => {
  const html = toHtml(RESULT);

  it('asks for nothing from anywhere', () => {
    const links = [
      ...html.matchAll(/\b(src|href|action|data|poster|srcset|@import|url)\b\s*[=(]\s*["']?([^"'\s>)]*)/gi),
    ];
    expect(links.map(([, , target]) => target)).toEqual([]);
    expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base|video|audio)\b/i);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    // What is left are names of namespaces, which nobody asks for.
    expect(
      [...html.matchAll(/https?:\/\/[^"<\s]+/g)]
        .map(([url]) => url)
        .filter((url) => url !== 'http://www.w3.org/2000/svg'),
    ).toEqual([]);
  });

  it('draws every line in every chart that it has figures for', () => {
    const latency = chart(html, 'latency by percentile');
    expect(latency.match(/class="series"/g)).toHaveLength(5);
    expect(chart(html, 'deliveries per server CPU-second').match(/class="bar"/g)).toHaveLength(5);
    expect(chart(html, 'TCP/IP bytes').match(/class="bar"/g)).toHaveLength(5);
    expect(html.match(/<figcaption>memory per link/g)).toHaveLength(1);
    const repolling = chart(html, 'cost of re-polling against delay');
    expect(repolling.match(/class="series"/g)).toHaveLength(3);
    for (const label of ['websocket', 'sse', 'short-poll'])
      expect(repolling).toContain(`uws · ${label} · redis</text>`);
    expect(textOf(html).match(/a · uws · short-poll 2000 ms/g)).not.toBeNull();
  });

  it('tells lines from each other without colours: no two have the same dashes', () => {
    const dashes = [
      ...chart(html, 'latency by percentile').matchAll(
        /class="series"[^>]*><path class="line" stroke-dasharray="([^"]*)"/g,
      ),
    ];
    expect(new Set(dashes.map(([, dash]) => dash)).size).toBe(5);
  });

  it('holds what it was made of: command, machine, configurations and the raw result', () => {
    for (const fact of [RESULT.command, RESULT.machine.cpu, RESULT.machine.commit, 'FANFARE_ENGINE=uws'])
      expect(html).toContain(fact);
    const raw = /<pre id="result">([\s\S]*?)<\/pre>/.exec(html)?.[1] ?? '';
    const text = raw.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
    expect(JSON.parse(text)).toEqual(RESULT);
  });

  it('is as light, dark, on paper and on a phone as its reader is', () => {
    expect(html).toContain('prefers-color-scheme:dark');
    expect(html).toContain('@media print');
    expect(html).toContain('width=device-width');
    // A chart is drawn for 360 pixels: on a phone of 390 its letters have their own size.
    for (const [, width] of html.matchAll(/viewBox="0 0 (\d+)/g)) expect(Number(width)).toBe(360);
  });

  it('says first what was wrong: lost messages, other commits, missing servers', () => {
    const wrong = {
      ...labResult([[{ faults: ['1 of 10000 deliveries were lost'] }, { commit: 'c0' }]]),
      leftOut: ['MISSING: nchan: is not installed'],
    };
    const page = toHtml(wrong);
    const loud = [...page.matchAll(/<li class="loud">([^<]*)/g)].map(([, text]) => text);
    expect(loud).toEqual([
      'INVALID: rounds come from different commits: c1, c0',
      expect.stringContaining('1 of 10000 deliveries were lost'),
      'left out: MISSING: nchan: is not installed',
    ]);
    expect(page.indexOf('class="loud"')).toBeLessThan(page.indexOf('<svg'));
  });

  it('says once what rounds of a line have in common', () => {
    const faults = (lost: number) => ({ faults: [`${lost} of 10000 deliveries were lost`, `${lost} links ended`] });
    const page = toHtml(labResult([[faults(1), faults(20), faults(300)]]));
    const loud = [...page.matchAll(/<li class="loud">([^<]*)/g)].map(([, text]) => text);
    expect(loud).toEqual([
      expect.stringMatching(/^INVALID: .*: 1 of 10000 deliveries were lost \(and 2 more like it\)$/),
      expect.stringMatching(/^INVALID: .*: 1 links ended \(and 2 more like it\)$/),
    ]);
  });

  it('lets nothing of a result become a part of the page', () => {
    const odd = { ...RESULT, command: '<script>alert(1)</script>', leftOut: ['<img src=x>'] };
    expect(toHtml(odd)).not.toMatch(/<(script|img)/);
  });

  it('is made of an unfinished result too', () => {
    expect(toHtml(labResult([[]]))).toContain('not finished: 1 of 1 lines');
    expect(toPicture(labResult([[]]))).toBeUndefined();
  });
});

describe("a README's part", () => {
  it('is a table with the command that made it, a row for each line', () => {
    const markdown = toMarkdown(RESULT);
    expect(markdown).toContain('Made by `npm run loadtest -- --quick` on 2026-01-02 at commit c1');
    expect(markdown.split('\n').filter((line) => line.startsWith('| a ·') || line.startsWith('| idle ·'))).toHaveLength(
      6,
    );
  });

  it('is a picture on paper of its own, with every line of the largest scenario', () => {
    const picture = toPicture(RESULT) ?? '';
    expect(picture.match(/class="bar"/g)).toHaveLength(5);
    expect(picture).toMatch(
      /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg">\n<title>deliveries per server CPU-second/,
    );
    expect(picture).toContain('fill="#fff"');
  });
});

describe('two results', () => {
  const servers = (...all: readonly number[]) =>
    labResult([all.map((server) => ({ traffic: trafficCounts({ server }) }))]);
  const verdict = (before: ReturnType<typeof servers>, after: ReturnType<typeof servers>) =>
    compareResults(before, after).find(({ metric }) => metric === 'serverUs')?.verdict;

  it('differ where no round of one lies among the rounds of the other, and by more than 3 %', () => {
    expect(verdict(servers(1, 1.1, 1.2), servers(1.3, 1.4, 1.5))).toBe('worse');
    expect(verdict(servers(1.3, 1.4, 1.5), servers(1, 1.1, 1.2))).toBe('better');
    expect(verdict(servers(1, 1.1, 1.3), servers(1.2, 1.4, 1.5))).toBe('within noise');
    expect(verdict(servers(1, 1, 1), servers(1.01, 1.01, 1.01))).toBe('within noise');
    expect(verdict(servers(1, 1), servers(2, 2))).toBe('too few rounds');
  });

  it('are told with what moved, what only one has, and that their machines differ', () => {
    const after = { ...servers(2, 2, 2), machine: { ...RESULT.machine, node: 'v22' } };
    const text = describeComparison(servers(1, 1, 1), after);
    expect(text).toMatch(
      /^WORSE: a · uws · websocket .*: server CPU 1,000\.00 .* → 2,000\.00 .* µs\/delivery \(\+100\.0 %\)$/m,
    );
    expect(text).toContain('NOT ALIKE: node was v20, then v22');
    expect(describeComparison(RESULT, labResult([]))).toContain('only in the first: a · uws · sse');
  });
});
