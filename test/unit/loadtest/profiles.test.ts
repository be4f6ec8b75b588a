// Where the time of servers went, as text: what is added up, named and left out.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CpuProfile, describeProfiles, Profiles } from '../../../loadtest/profiles.js';
import { commandsIn, describeRedisTimes, type RedisTime } from '../../../loadtest/redis-account.js';
import { built, ROOT } from '../../../loadtest/root.js';
import { NodeLoad } from '../../../src/node/node-load.js';

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
afterEach(() => profiles?.close());

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

it('has no server that is looked at take itself for full by a loop that it cannot measure', async () => {
  // All of this in one turn: as busy as a loop can be.
  const isFull = () => {
    const load = new NodeLoad(1, () => 0);
    for (let second = 0; second < 20; second++) load.sample();
    return load.isFull;
  };
  expect(isFull()).toBe(true);
  const flags = profiles.flagsFor('uws');
  expect(flags.slice(flags.indexOf('--import'))).toEqual(['--import', built('unmeasured-loop.js').href]);
  await import('../../../loadtest/unmeasured-loop.js');
  expect(isFull()).toBe(false);
});

describe('the account of Redis', () => {
  const time = (cpuSeconds: number, commands: Record<string, readonly [calls: number, us: number]>): RedisTime => ({
    cpuSeconds,
    commands: new Map(Object.entries(commands).map(([name, [calls, us]]) => [name, { calls, us }])),
  });

  it('adds up what was kept under one name, and tells what a function sends apart from the function', () => {
    const times = [
      time(0.6, { fcall: [1_000, 300_000], xadd: [1_000, 100_000] }),
      time(0.4, { fcall: [1_000, 500_000], xadd: [1_000, 90_000], publish: [500, 10_000] }),
    ];
    expect(describeRedisTimes(times)).toBe(
      [
        '  1.00 s  in all',
        '  60.0 %  fcall: Lua, without the commands that it sends  2000 calls, 300.00 µs each',
        '  20.0 %  no command: sockets, what is read and written',
        '  19.0 %  xadd  2000 calls, 95.00 µs each',
        '   1.0 %  publish  500 calls, 20.00 µs each',
        '',
      ].join('\n'),
    );
  });

  it('leaves out with what it is kept', () => {
    const info = [
      '# Commandstats',
      'cmdstat_fcall:calls=3,usec=40,usec_per_call=13.33,rejected_calls=0,failed_calls=0',
      'cmdstat_config|resetstat:calls=1,usec=9,usec_per_call=9.00,rejected_calls=0,failed_calls=0',
      'cmdstat_info:calls=1,usec=90,usec_per_call=90.00,rejected_calls=0,failed_calls=0',
      'cmdstat_xadd:calls=3,usec=6,usec_per_call=2.00,rejected_calls=0,failed_calls=0',
      '',
    ].join('\r\n');
    expect(Object.fromEntries(commandsIn(info))).toEqual({ fcall: { calls: 3, us: 40 }, xadd: { calls: 3, us: 6 } });
  });
});
