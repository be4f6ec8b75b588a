// Runs a plan round by round, arm after arm, and keeps what came after each: whoever interrupts it loses one measurement at most.

import type { Arm } from '../plan/arm.js';
import { labelOf } from '../plan/arm.js';
import { type LabResult, type Outcome, type Round, servedOf } from './result.js';

export interface RunOptions {
  /** Measures an arm once. */
  readonly measure: (arm: Arm) => Promise<Outcome>;
  /** Keeps the result as it is now. */
  readonly save: (result: LabResult) => void;
  readonly log: (line: string) => void;
  /** When to begin nothing any more, in milliseconds of `nowMs`; absent: never. */
  readonly untilMs?: number;
  readonly nowMs?: () => number;
  readonly commit: string;
}

/** Goes on where the result stands. A B C, then C B A, so that what drifts on the machine meets all alike. */
export async function run(begun: LabResult, options: RunOptions): Promise<LabResult> {
  const { measure, save, log, untilMs = Number.POSITIVE_INFINITY, nowMs = () => performance.now(), commit } = options;
  let result = begun;
  let longestMs = 0;
  const total = result.arms.length * result.rounds;
  const startMs = nowMs();
  let done = result.arms.reduce((sum, { rounds }) => sum + rounds.length, 0);
  const doneBefore = done;
  for (let round = 0; round < result.rounds; round += 1) {
    const order = result.arms.map((_, at) => at);
    for (const at of round % 2 === 0 ? order : order.reverse()) {
      const measurements = result.arms[at];
      if (measurements === undefined || measurements.rounds.length > round) continue;
      const beganMs = nowMs();
      if (beganMs + longestMs > untilMs) {
        log(`the time is over: ${total - done} of ${total} measurements are left out`);
        return result;
      }
      const outcome = await attempted(measure, measurements.arm);
      result = withRound(result, at, { commit, at: new Date().toISOString(), ...outcome });
      save(result);
      done += 1;
      longestMs = Math.max(longestMs, nowMs() - beganMs);
      const leftMs = ((nowMs() - startMs) / (done - doneBefore)) * (total - done);
      log(
        `${done}/${total}  ${labelOf(measurements.arm)}: ${tell(outcome)}; about ${Math.ceil(leftMs / 60_000)} min left`,
      );
    }
  }
  return result;
}

/** A server that does not start, or clients that cannot be linked, are that arm's fault and nobody else's. */
async function attempted(measure: RunOptions['measure'], arm: Arm): Promise<Outcome> {
  try {
    return await measure(arm);
  } catch (error) {
    return { faults: [error instanceof Error ? error.message : String(error)], doubts: [] };
  }
}

function withRound(result: LabResult, at: number, round: Round): LabResult {
  const arms = result.arms.map((one, index) => (index === at ? { ...one, rounds: [...one.rounds, round] } : one));
  return { ...result, arms };
}

function tell({ faults, doubts, traffic, linkBytes, storm, ramp }: Outcome): string {
  if (faults.length > 0) return `INVALID: ${faults.join('; ')}`;
  const busy = doubts.length > 0 ? ` (busy: ${doubts.join('; ')})` : '';
  if (linkBytes !== undefined) return `${(linkBytes / 1024).toFixed(2)} KiB a link${busy}`;
  if (storm !== undefined) return `${(storm.clients / storm.server).toFixed(0)} clients/CPU-second${busy}`;
  if (ramp !== undefined) return `${ramp.steps.length} steps, ended ${ramp.reason}`;
  if (traffic === undefined) return 'nothing';
  return `${((traffic.server / Math.max(1, servedOf(traffic))) * 1e6).toFixed(2)} µs/delivery${busy}`;
}
