// Results of the lab that a test makes by hand, with the parts that it cares for.

import { type Arm, DEFAULTS, planOf } from '../../../loadtest/plan/arm.js';
import type { LabResult, Round, TrafficCounts } from '../../../loadtest/run/result.js';

/** A window of 1,000 deliveries that took a second of the server's CPU. */
export function trafficCounts(parts: Partial<TrafficCounts> = {}): TrafficCounts {
  return {
    ...{ messages: 10, expected: 1_000, deliveries: 1_000, lost: 0, repeated: 0, disordered: 0 },
    ...{ achieved: 10, wallSeconds: 1, server: 1, redis: 0.1, drivers: 0.5, serverSleeps: 10 },
    ...{ bytesDown: 200_000, bytesUp: 1_000, wireBytes: 260_000, wireSegments: 1_000, polls: 0 },
    ...{ lagP99Ms: 0, histogram: '' },
    ...parts,
  };
}

/** One arm for each list of rounds: a WebSocket on uws, or what `arms` says of it. */
export function labResult(
  rounds: readonly (readonly Partial<Round>[])[],
  arms: readonly Partial<Arm>[] = [],
): LabResult {
  const [plain] = planOf([{ ...DEFAULTS, name: 'a', what: 'a', transport: ['websocket'] }]).arms;
  if (plain === undefined) throw new TypeError('there is no arm');
  return {
    format: 'fanfare-lab-1',
    begun: '2026-01-02T03:04:05.678Z',
    command: 'npm run loadtest -- --quick',
    machine: { cpu: '2 × a', memoryGiB: 4, kernel: '6.1', node: 'v20', redis: '7', commit: 'c1' },
    rounds: Math.max(1, ...rounds.map(({ length }) => length)),
    allowBusy: false,
    arms: rounds.map((some, at) => ({
      arm: { ...plain, links: plain.links + at, ...arms[at] },
      rounds: some.map((round) => ({
        ...{ commit: 'c1', at: '2026-01-02T03:04:06.000Z', faults: [], doubts: [], traffic: trafficCounts() },
        ...round,
      })),
    })),
    leftOut: [],
    configurations: { uws: 'FANFARE_ENGINE=uws' },
  };
}
