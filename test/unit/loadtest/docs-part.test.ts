// The parts of the docs that show a result: made from it whole, put where they belong, and nothing else is touched.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { docsOf } from '../../../loadtest/page/files.js';
import { ROOT } from '../../../loadtest/root.js';
import { labResult, trafficCounts } from './lab-results.js';

const traffic = (server: number) => ({ traffic: trafficCounts({ server }) });
const RESULT = labResult(
  [[traffic(1)], [traffic(2)], [traffic(3)]],
  [
    { scenario: 're-polling', transport: 'websocket', links: 200 },
    { scenario: 're-polling', transport: 'short-poll', pollEvery: 500, links: 200 },
    { scenario: 're-polling', transport: 'short-poll', pollEvery: 1_000, links: 200 },
  ],
);

describe("the docs' part of a result", () => {
  it('goes between its marks, with the picture, the table and the command, and leaves the rest as it was', () => {
    const texts = docsOf(RESULT, 'before\n<!-- load lab -->\nold\n<!-- /load lab -->\nafter $1\n');
    expect(Object.keys(texts)).toEqual(['docs/TRANSPORTS.md', 'docs/load-lab.svg', 'README.md']);
    const readme = texts['README.md'] ?? '';
    expect(readme).toMatch(/^before\n<!-- load lab -->\n[\s\S]*\n<!-- \/load lab -->\nafter \$1\n$/);
    expect(readme).not.toContain('old');
    expect(readme).toContain('](docs/load-lab.svg)');
    expect(readme).toContain('Made by `npm run loadtest -- --quick` on 2026-01-02 at commit c1');
    expect(readme.match(/^\| (websocket|short-poll \d+ ms)/gm)).toHaveLength(3);
  });

  it('has its place in README.md', () => {
    const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
    expect(docsOf(RESULT, docsOf(RESULT, readme)['README.md'] ?? '')).toEqual(docsOf(RESULT, readme));
  });

  it('is not made without its place, or of a result that cannot show it', () => {
    expect(() => docsOf(RESULT, 'nothing')).toThrow('README.md has no section');
    expect(() => docsOf(labResult([[{}]]), '')).toThrow('the docs need the scenario "re-polling"');
  });

  it('says of an invalid result that it is', () => {
    const lost = {
      ...RESULT,
      arms: RESULT.arms.map((arm, at) =>
        at > 0 ? arm : { ...arm, rounds: arm.rounds.map((round) => ({ ...round, commit: 'c0' })) },
      ),
    };
    const readme = docsOf(lost, '<!-- load lab -->\n\n<!-- /load lab -->')['README.md'];
    expect(readme).toContain('INVALID: rounds come from different commits');
  });
});
