// A slice of the rotation of keys; `npm run rotate` is the whole.

import { expect, it } from 'vitest';
import { rotateKeys } from '../rotation/trial.js';

it('closes nobody and lets every newcomer in while keys rotate, their endpoint comes and goes, and a stranger makes keys up', async () => {
  const lines: string[] = [];
  const failures = await rotateKeys({
    forMs: 13_000,
    rotateEveryMs: 4_500,
    downMs: 1_500,
    strangerEveryMs: 400,
    clients: 12,
    newcomerWithinMs: 30_000,
    knownWithinMs: 30_000,
    say: (line) => lines.push(line),
  });
  expect(failures, lines.join('\n')).toEqual([]);
});
