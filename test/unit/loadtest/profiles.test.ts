// Where the time of servers went, as text: what is added up, named and left out.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CpuProfile, describeProfiles, Profiles } from '../../../loadtest/profiles.js';
import { ROOT } from '../../../loadtest/root.js';

function profile(spent: readonly (readonly [name: string, us: number])[], url = ''): CpuProfile {
  return {
    nodes: spent.map(([functionName], at) => ({ id: at + 1, callFrame: { functionName, url, lineNumber: 4 } })),
    samples: spent.map((_, at) => at + 1),
    timeDeltas: spent.map(([, us]) => us),
  };
}

let profiles: Profiles;
beforeEach(() => {
  profiles = new Profiles();
});
afterEach(() => profiles.close());

/** What a server of that kind writes when it ends. */
function serverEnds(kind: 'uws' | 'ws', written: CpuProfile): void {
  const flags = new Map(profiles.flagsFor(kind).map((flag) => flag.split('=') as [string, string]));
  const folder = flags.get('--cpu-prof-dir') ?? '';
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, flags.get('--cpu-prof-name') ?? ''), JSON.stringify(written));
}

it('adds up what a function took in all servers, and leaves out the time in which nothing was done', () => {
  const two = [
    profile([
      ['a', 300_000],
      ['(idle)', 5_000_000],
      ['b', 100_000],
    ]),
    profile([['b', 600_000]]),
  ];
  expect(describeProfiles(two)).toBe('  1.00 s  in all\n  70.0 %  b\n  30.0 %  a\n');
});

it('tells functions of one name apart by where they stand, seen from the repository', () => {
  const text = describeProfiles([
    profile([['run', 1]], `${ROOT.href}dist/src/a.js`),
    profile([['run', 1]], 'node:internal/timers'),
    profile([['', 2]], 'file:///elsewhere/b.js'),
  ]);
  expect(text.split('\n').slice(1, 4)).toEqual([
    '  50.0 %  (anonymous)  file:///elsewhere/b.js:5',
    '  25.0 %  run  dist/src/a.js:5',
    '  25.0 %  run  node:internal/timers:5',
  ]);
});

it('names twenty of them', () => {
  const many = Array.from({ length: 30 }, (_, at) => [`f${at}`, 30 - at] as const);
  const lines = describeProfiles([profile(many)])
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toMatch(/ f19$/);
});

it('takes what servers have written, by kind, once', () => {
  serverEnds('uws', profile([['a', 1]]));
  serverEnds('ws', profile([['b', 1]]));
  serverEnds('uws', profile([['c', 3]]));
  const text = profiles.take('polls');
  expect(text).toContain('"polls"');
  expect(text.slice(text.indexOf('uws\n'))).toBe(
    'uws\n  0.00 s  in all\n  75.0 %  c\n  25.0 %  a\n\nws\n  0.00 s  in all\n 100.0 %  b\n',
  );
  expect(() => profiles.take('own')).toThrow('no server of own has written');
});

it('asks nothing of the bare loop, which ends without a word', () => {
  expect(profiles.flagsFor('bare')).toEqual([]);
});
