// A fault is made at a node that serves clients.

import { expect, it } from 'vitest';
import { busyOf } from '../../chaos/pick-member.js';

it.each([
  [
    [40, 40, 40],
    ['n1', 'n2', 'n3'],
  ],
  [
    [61, 59, 0],
    ['n1', 'n2'],
  ],
  [
    [19, 81, 20],
    ['n2', 'n3'],
  ],
  [[0, 0, 1], ['n3']],
])('of nodes with %j connections it is one of %j', (connections, busy) => {
  expect(busyOf(['n1', 'n2', 'n3'], connections)).toEqual(busy);
});

it('says so when nobody is connected', () => {
  expect(() => busyOf(['n1'], [0])).toThrow('no node has a connection');
});
