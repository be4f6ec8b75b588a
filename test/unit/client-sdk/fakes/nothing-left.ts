// What every test of the SDK asks when it is over.

import { expect } from 'vitest';
import type { FakeClock } from './fake-clock.js';

/** What was begun has come to its end, and no timer is left. */
export async function expectNothingLeft(clock: FakeClock): Promise<void> {
  await clock.advance(0);
  expect(clock.pending).toBe(0);
}
