// One batch of publishes that wait for replicas: a pipeline of FCALLs and a WAIT, on one connection.

import type { Redis } from 'ioredis';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';

/** Specified: how long replicas have for a batch. */
const ACK_TIMEOUT_MS = 1_000;
/** Chosen: when to repeat what too few replicas have confirmed. */
const RETRY_AFTER_MS = 1_000;

/** One publish under way; settled exactly once. */
export interface DurableCall {
  /** What follows `FCALL`. */
  readonly args: readonly (string | number | Buffer)[];
  readonly bytes: number;
  /** How many replicas must have it. */
  readonly replicas: number;
  /** Of `monotonicNowMs`. */
  readonly queuedAtMs: number;
  /** Times that it was sent and refused for a reason that another attempt may mend. */
  tries: number;
  /** Redis has named this master for this one command, while the slot moves. */
  asking: boolean;
  resolve(offset: string): void;
  reject(error: unknown): void;
}

/** A call that Redis did not answer with an offset; not settled. */
export interface Refusal {
  readonly call: DurableCall;
  readonly error: Error;
}

interface Written {
  readonly call: DurableCall;
  readonly offset: string;
}

type Answer = readonly [error: Error | null, result?: unknown];

const NO_ANSWER: Answer = [new Error('Redis gave no answer')];

/**
 * Settles each call that was written: with its offset where enough replicas have it, with `ack_timeout` where not. Resolves
 * with the others. All goes out in one write to the socket, so that WAIT is about the very connection that has written:
 * Redis counts the replicas that have all of it.
 */
export async function writeBatch(client: Redis, batch: readonly DurableCall[]): Promise<readonly Refusal[]> {
  const untilMs = monotonicNowMs() + ACK_TIMEOUT_MS;
  const pipeline = client.pipeline();
  const places: number[] = [];
  for (const { asking, args } of batch) {
    if (asking) pipeline.call('ASKING');
    places.push(pipeline.length);
    pipeline.call('FCALL', ...args);
  }
  const fewest = Math.min(...batch.map(({ replicas }) => replicas));
  pipeline.call('WAIT', fewest, ACK_TIMEOUT_MS);
  const { stream } = client;
  const answers: readonly Answer[] = (await pipeline.exec().catch((error: Error) => [[error] as const])) ?? [];
  const written: Written[] = [];
  const refusals: Refusal[] = [];
  for (const [index, call] of batch.entries()) {
    const [error, offset] = answers[places[index] ?? -1] ?? NO_ANSWER;
    if (error === null) written.push({ call, offset: String(offset) });
    else refusals.push({ call, error });
  }
  await acknowledge(written, answers.at(-1) ?? NO_ANSWER, async (replicas) => {
    const leftMs = Math.floor(untilMs - monotonicNowMs());
    // On another connection WAIT would know nothing of what was written.
    if (leftMs < 1 || client.stream !== stream) return 0;
    return Number(await client.call('WAIT', replicas, leftMs));
  });
  return refusals;
}

/** Settles each call by what WAIT said; asks again for those that want more replicas than that. */
async function acknowledge(
  written: readonly Written[],
  [failure, count]: Answer,
  wait: (replicas: number) => Promise<number>,
): Promise<void> {
  let have = failure === null ? Number(count) : 0;
  let cause: unknown = failure ?? undefined;
  for (const { call, offset } of written.toSorted((a, b) => a.call.replicas - b.call.replicas)) {
    if (have < call.replicas && cause === undefined) {
      try {
        have = Math.max(have, await wait(call.replicas));
      } catch (error) {
        cause = error;
      }
    }
    if (have >= call.replicas) call.resolve(offset);
    else call.reject(ackTimeoutError(call.replicas, have, cause));
  }
}

function ackTimeoutError(wanted: number, have: number, cause: unknown): FanfareError {
  const message = `the message was written, and of the replicas that were asked for (${wanted}) so many confirmed it in time: ${have}`;
  return new FanfareError('ack_timeout', message, { cause, outcome: 'unknown', retryAfterMs: RETRY_AFTER_MS });
}
