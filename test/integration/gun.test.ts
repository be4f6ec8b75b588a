// A slice of the gun: a node with few files is fired at by strangers, and its clients do not notice; `npm run gun` is the whole.

import { describe, expect, it } from 'vitest';
import { holdFire } from '../gun/trial.js';

describe.each(['uws', 'ws'] as const)('a node on %s under fire', (engine) => {
  it('loses no link and no message, lets newcomers in, gives back what it held, and lives', async () => {
    const lines: string[] = [];
    const failures = await holdFire({
      engine,
      openFiles: 1_024,
      subscribers: 80,
      perSecond: 300,
      forMs: 8_000,
      runs: 1,
      say: (line) => lines.push(line),
    });
    expect(failures, lines.join('\n')).toEqual([]);
  });
});
