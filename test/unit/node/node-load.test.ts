// How busy a node is, also where the system cannot be asked.

import { expect, it } from 'vitest';
import { residentMemory } from '../../../src/lib/resident-memory.js';
import { NodeLoad } from '../../../src/node/node-load.js';

it('keeps the memory that it read last where no descriptor is left to read it', () => {
  let answer: () => number = () => 95;
  const load = new NodeLoad(
    100,
    residentMemory(() => answer()),
  );
  load.sample();
  answer = () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  };
  load.sample();
  expect([load.memory, load.isFull]).toEqual([0.95, true]);
});
