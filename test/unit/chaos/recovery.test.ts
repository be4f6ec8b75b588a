// How long after a fault its subscribers were served again, each transport by itself where they differ.

import { expect, it } from 'vitest';
import type { Fault } from '../../chaos/fault.js';
import { formatRecovery, recoveryTable } from '../../chaos/recovery.js';
import { at, SECOND, Tale } from './tale.js';

it('a fault from which each transport recovers in its own time has a row for each', () => {
  const its = new Tale().subscribe('c0-websocket', 'c1-sse').after(SECOND).invoke('v1').ok('v1', at(1));
  const late = its.told('c1-sse', 1).fault('none').told('c0-websocket', 1).fault('tail').log(100, 1);
  const limits = { websocket: 1, sse: 1, 'long-poll': 1, 'short-poll': 1 };
  const kind: Fault = {
    ...{ name: 'none fault', shapes: ['single'], damage: 'none', holdMs: [0, 0], recoversWithinMs: limits },
    begin: () => Promise.reject(new Error('is never made')),
  };
  const rows = recoveryTable([late.builder.finish()], [kind]);
  expect(rows).toMatchObject([
    { fault: 'tail fault', times: 1, watched: 2, published: { affected: 0 } },
    { fault: 'none fault', transport: 'websocket', times: 1, watched: 1, published: { affected: 1 } },
    { fault: 'none fault', transport: 'sse', watched: 1, published: { affected: 0 } },
    { fault: 'none fault', transport: 'long-poll', watched: 0 },
    { fault: 'none fault', transport: 'short-poll', watched: 0 },
  ]);
  expect(formatRecovery(rows)).toContain('| none fault, websocket | 1 | 1 | 1 | 2,00');
});
