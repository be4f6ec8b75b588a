// A slice of the chaos run on each shape of Redis: nothing lost, nothing twice, nothing silent, and a judge that sees every lie.

import { describe, expect, it } from 'vitest';
import type { Shape } from './beds.js';
import { holdSlice } from './slice.js';

const SLICES: readonly (readonly [Shape, readonly string[]])[] = [
  [
    'single',
    [
      'node killed (kill -9)',
      'deploy (each node drained and replaced)',
      "clients' links cut in mid-frame",
      "node's links to Redis dead without a word",
      'CLIENT KILL TYPE pubsub',
      'client-output-buffer-limit cuts a node off',
      'Redis killed, restarted with its file',
      'FLUSHALL',
      'clock of a node steps 20 min',
    ],
  ],
  ['sentinel', ['node stopped (SIGSTOP)', "clients' links cut in mid-frame", 'master killed with what no replica had']],
  ['cluster', ["clients' links cut (RST)", 'slots move between masters', 'master killed (kill -9)']],
];

describe.each(SLICES)('under faults on Redis as %s', (shape, faults) => {
  it('every client has every message that the log holds once, in order, and is told of every gap', async () => {
    const { failures, mutants } = await holdSlice(shape, faults);
    expect(failures).toEqual([]);
    for (const { mutant, planted, caught, notApplicable } of mutants) {
      if (notApplicable === undefined) expect([mutant, caught]).toEqual([mutant, Math.max(1, planted)]);
    }
  });
});
