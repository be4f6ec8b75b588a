// Answers that nobody can be seen to read.

import { expect, it } from 'vitest';
import { Unread } from '../../../src/node/engines/uws/unread.js';
import { Random } from '../../support/random.js';

it('ends the connection of one of a thousand answers that nobody can be seen to read, once there were a thousand', () => {
  const random = new Random(1);
  const unread = new Unread(() => random.next());
  const asked = (count: number) => Array.from({ length: count }, () => unread.isOneTooMany()).filter(Boolean).length;
  expect(asked(1_000)).toBe(0);
  const ended = asked(100_000);
  expect(ended).toBeGreaterThan(100_000 / 1_600);
  expect(ended).toBeLessThan(100_000 / 600);
});
