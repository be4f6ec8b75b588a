// Scenarios of one's own: what a YAML file makes, and what is said of one that is wrong.

import { describe, expect, it } from 'vitest';
import { PEERS, planOf } from '../../../loadtest/plan/arm.js';
import { FULL, QUICK } from '../../../loadtest/plan/built-in.js';
import { EXAMPLE, readScenarios } from '../../../loadtest/plan/scenario-file.js';

function mistakesIn(text: string): readonly string[] {
  const read = readScenarios(text, 'mine.yaml');
  return 'mistakes' in read ? read.mistakes : [];
}

function armsOf(text: string) {
  const read = readScenarios(text, 'mine.yaml');
  if ('mistakes' in read) throw new Error(read.mistakes.join('\n'));
  return planOf(read.scenarios);
}

describe('a file of scenarios', () => {
  it('makes an arm of every combination, and the example of --help is one', () => {
    const { arms, leftOut } = armsOf(EXAMPLE);
    const combinations = arms.map(({ engine, transport }) => `${engine} ${transport}`);
    expect(combinations).toEqual(['uws websocket', 'uws sse', 'ws websocket', 'ws sse']);
    expect(arms[0]).toMatchObject({ links: 400, channels: 40, rate: 20, payload: 128, batch: 1 });
    expect(leftOut).toEqual([]);
  });

  it('tells what no server can be measured in instead of measuring something else', () => {
    const { arms, leftOut } = armsOf(
      `scenarios: [{ name: a, engine: bare, transport: [sse, websocket], links: 3, channels: [1, 2] }]`,
    );
    expect(arms).toHaveLength(1);
    expect(leftOut).toEqual(['a: bare has no sse here', 'a: 3 links cannot be spread evenly over 2 channels']);
  });

  it('measures a transport without a pause once, whatever pauses are asked for', () => {
    const { arms } = armsOf(`scenarios: [{ name: a, transport: [sse, short-poll], poll-every: [500, 1000] }]`);
    expect(arms.map(({ transport, pollEvery }) => `${transport} ${pollEvery}`)).toEqual([
      'sse 0',
      'short-poll 500',
      'short-poll 1000',
    ]);
  });

  it('has every mistake told at once, each with its line and column', () => {
    const text = ['scenarios:', '  - name: a', '    link: 5', '    links: many', '  - engine: steam', 'more: 1'].join(
      '\n',
    );
    expect(mistakesIn(text)).toEqual([
      'mine.yaml:6:1: unknown key "more": a file holds "scenarios" alone',
      expect.stringMatching(/^mine\.yaml:3:5: unknown column "link", perhaps "links": there are name, what, engine/),
      'mine.yaml:4:12: links: expected a whole number from 1 to 100000, got "many"',
      'mine.yaml:5:5: a scenario needs a name',
      expect.stringMatching(/^mine\.yaml:5:13: engine: expected one of uws, ws, .*got "steam"$/),
    ]);
  });

  it.each([
    ['scenarios:\n  - name: a\n  - name: a\n', 'mine.yaml:3:11: name: there are two scenarios "a"'],
    [
      'scenarios:\n  - name: My Rooms\n',
      'mine.yaml:2:11: name: expected small letters, digits and hyphens, got "My Rooms"',
    ],
    ['scenarios:\n  - name: a\n    rate: []\n', 'mine.yaml:3:5: rate: an empty list measures nothing'],
    [
      'scenarios:\n  - name: a\n    rate: { x: 1 }\n',
      /mine\.yaml:3:11: rate: expected a number .*got something nested/,
    ],
    [
      'scenarios:\n  - name: a\n    payload: 8\n',
      /mine\.yaml:3:14: payload: expected a whole number from \d+ to 65000, got 8/,
    ],
    ['scenarios: 5\n', 'mine.yaml:1:1: expected "scenarios:" with a list of scenarios'],
    ['', 'mine.yaml:1:1: expected "scenarios:" with a list of scenarios'],
    ['scenarios:\n  - just text\n', /mine\.yaml:2:5: expected a scenario/],
    ['scenarios: [\n', /^mine\.yaml:\d+:\d+: .*flow/i],
  ])('says of %j what is wrong', (text, said) => {
    expect(mistakesIn(text)).toEqual([typeof said === 'string' ? said : expect.stringMatching(said)]);
  });
});

it.each([
  ['whole', FULL],
  ['quick', QUICK],
])("the lab's own %s table has no combination that cannot be measured but those of peers", (_, table) => {
  const { arms, leftOut } = planOf(table);
  expect(arms.length).toBeGreaterThan(10);
  const ofPeers = new RegExp(`: (${PEERS.join('|')})(, (${PEERS.join('|')}))* (has|have) no `);
  expect(leftOut.filter((reason) => !ofPeers.test(reason))).toEqual([]);
});
