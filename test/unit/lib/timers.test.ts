// Timers that contain what they run.

import { afterEach, expect, it } from 'vitest';
import { after, atOnce, contained, every, onFault, soon, tellFault } from '../../../src/lib/timers.js';
import { failTheRun } from '../../support/faults.js';

afterEach(failTheRun);

/** What was told, one by one. */
function listen() {
  const told: string[] = [];
  let wake: () => void = () => undefined;
  onFault((error) => {
    told.push(String(error));
    wake();
  });
  return { told, next: () => new Promise<void>((resolve) => (wake = resolve)) };
}

const broken = (name: string) => () => {
  throw new Error(name);
};

it.each([
  ['a timeout', (run: () => unknown) => after(0, run)],
  ['an immediate', soon],
  ['a microtask', atOnce],
] as const)('tells what %s throws, and what its promise rejects with', async (_, start) => {
  const { told, next } = listen();
  start(broken('thrown'));
  await next();
  start(() => Promise.reject(new Error('rejected')));
  await next();
  expect(told).toEqual(['Error: thrown', 'Error: rejected']);
});

it('goes on with an interval that threw', async () => {
  const { told, next } = listen();
  const timer = every(1, broken('again'));
  await next();
  await next();
  clearInterval(timer);
  expect(told.length).toBeGreaterThanOrEqual(2);
});

it('lives on where whoever is told of a fault has one', () => {
  onFault(broken('in the log'));
  expect(() => tellFault(new Error('first'))).not.toThrow();
  expect(() => contained(broken('first'))).not.toThrow();
});
