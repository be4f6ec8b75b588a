// A tiny growth curve, drawn for real: every value counts and nothing was lost. Needs `npm run build`.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Curve } from '../../loadtest/curves/curve.js';
import {
  drawFlooded,
  redisUsPerMessage,
  serverUsPerDelivery,
  serverUsPerMessage,
} from '../../loadtest/curves/flooded.js';
import { openGround } from '../../loadtest/curves/ground.js';
import { openKeeping } from '../../loadtest/curves/history.js';
import { INSTRUMENTS } from '../../loadtest/instruments.js';
import { Judge } from '../../loadtest/judge.js';
import { makeSecrets } from '../../loadtest/server-process.js';

const COMMAND = fileURLToPath(new URL('../../dist/loadtest/bench.js', import.meta.url));
const outline = { what: 'x', x: 'x', unit: 'µs', digits: 2 };
const effort = { points: 2, share: 1 };

const labOf = (log: string[]) => {
  const judge = new Judge({ allowBusy: true, attempts: 1, log: (line) => log.push(line) });
  return { instruments: INSTRUMENTS, judge, secrets: makeSecrets(), pairs: 1, log: (line: string) => log.push(line) };
};

const pointsOf = (curve: Curve | undefined) =>
  (curve?.series ?? []).flatMap(({ name, points }) =>
    points.map(({ x, values }) => [name, x, values.filter((value) => value > 0).length]),
  );

it.concurrent('tells what deliveries and publishes cost of a channel that keeps more', async () => {
  const log: string[] = [];
  const lab = labOf(log);
  const [delivery, redis] = await drawFlooded(lab, effort, {
    ...{ what: 'history', xs: [0, 70, 700], kinds: [{ kind: 'uws' }], messages: () => 128 },
    readings: [
      { outline: { ...outline, name: 'history' }, value: serverUsPerDelivery },
      { outline: { ...outline, name: 'history-redis' }, value: redisUsPerMessage, upTo: 0 },
    ],
    open: (of, kind, kept) => openKeeping(of, kind, kept, 3),
  });
  expect(lab.judge.faults).toEqual([]);
  expect(pointsOf(delivery)).toEqual([
    ['uws', 0, 1],
    ['uws', 70, 1],
  ]);
  expect(pointsOf(redis)).toEqual([['uws', 0, 1]]);
});

it.concurrent('publishes to every one of several channels of a link, and tells the bare loop where it goes along', async () => {
  const log: string[] = [];
  const lab = labOf(log);
  const [curve] = await drawFlooded(lab, effort, {
    ...{ what: 'channels', xs: [80, 400], kinds: [{ kind: 'bare', upTo: 80 }, { kind: 'ws' }] },
    readings: [{ outline: { ...outline, name: 'channels' }, value: serverUsPerMessage }],
    messages: (channels) => Math.ceil(channels / 64) * 64,
    open: (of, kind, channels) =>
      openGround(of, { kind, clients: 80, channelsEach: channels / 80, idle: 5, mostPublished: 399 }),
  });
  expect(lab.judge.faults).toEqual([]);
  expect(pointsOf(curve)).toEqual([
    ['bare', 80, 1],
    ['ws', 80, 1],
    ['ws', 400, 1],
  ]);
});

it.each([
  [['--curves', 'nothing,nodes'], 'no such curve: nothing'],
  [['--curves', 'nodes', 'memory'], 'unexpected: memory'],
  [['--curves', '--profile'], '--curves: not with --profile, --check or --against'],
  [['nodes'], 'unexpected: nodes'],
])('names what is wrong with %s', async (flags, said) => {
  const failure = await promisify(execFile)(process.execPath, [COMMAND, ...flags]).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 64, stderr: expect.stringContaining(said) });
});
