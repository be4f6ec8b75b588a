// Slices of the rotation of keys and of secrets; `npm run rotate`, also with `-- --secrets`, is the whole.

import { expect, it } from 'vitest';
import { rotateSecrets } from '../rotation/secrets-trial.js';
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

it('closes nobody and loses nothing while every secret, every key and the password of Redis become others', async () => {
  const lines: string[] = [];
  const failures = await rotateSecrets({
    clients: 16,
    stages: 2,
    publishEveryMs: 100,
    say: (line) => lines.push(line),
  });
  expect(failures, lines.join('\n')).toEqual([]);
});
