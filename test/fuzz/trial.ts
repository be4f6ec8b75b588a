// Fuzzes one server of one engine, and says what it did that it must not: to its honest clients, to itself, and with what it held.

import { setTimeout as pause } from 'node:timers/promises';
import { WorkerProcess } from '../chaos/worker-process.js';
import { backTo, told } from '../gun/holding.js';
import { type Subscriber, timeToConnect } from '../gun/subscriber.js';
import { Target } from '../gun/target.js';
import { judge, openSubscribers } from '../gun/trial.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { keep } from './corpus.js';
import type { Fuzzed, FuzzQuestions } from './fuzz-worker.js';

export interface FuzzPlan {
  readonly engine: 'uws' | 'ws';
  readonly seed: number;
  readonly forMs: number;
  /** Absent: how long the server takes to answer is not judged. */
  readonly answerWithinMs?: number;
  readonly say: (line: string) => void;
}

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const HONEST = '127.0.0.240';
const SUBSCRIBERS = 12;
const USERS = 24;
const OPEN_FILES = 2_048;
const LOOK_EVERY_MS = 250;
const GIVES_UP_MS = 10_000;
const BACK_WITHIN_MS = 45_000;
/** Lines that a fault of ours leaves in the log; what a broken channel does is told in other words. */
const FAULT =
  /"msg":"(a timer or a listener failed|a handler failed|a fault that nothing caught|a batch failed|a request could not)[^"]*"/;

/** Resolves with all that went wrong; what was sent before it is kept in the corpus. */
export async function holdFuzz(plan: FuzzPlan): Promise<readonly string[]> {
  const { engine, seed, say } = plan;
  const redis = await startRedis();
  const env = { FANFARE_REDIS_URL: redis.url, FANFARE_CLUSTER_SECRET: 'tickets-of-the-fuzz-0123456789abcdef' };
  const target = await Target.start(engine, OPEN_FILES, env);
  const worker = new WorkerProcess<FuzzQuestions>('../fuzz/fuzz-worker.ts');
  const failures: string[] = [];
  let subscribers: readonly Subscriber[] = [];
  let fuzzed: Fuzzed | undefined;
  try {
    subscribers = await openSubscribers(target, SUBSCRIBERS);
    target.startPublishing();
    await pause(1_000);
    const before = await target.holding();
    fuzzed = await fuzz(plan, target, redis, worker, failures);
    say(`${engine}: sent ${JSON.stringify(fuzzed.sent)}`);
    const after = await backTo(before, target, BACK_WITHIN_MS, failures);
    say(`${engine}: ${told(before)} before, ${told(after)} after`);
    await target.stopPublishing();
    failures.push(...(await judge(subscribers, target)));
    if (target.notPublished.length > 0) failures.push(`publishes were answered ${target.notPublished.join()}`);
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (!target.isAlive) failures.push(`the server has ended: ${target.log().slice(-2_000)}`);
    for (const subscriber of subscribers) subscriber.close();
    await target.stopPublishing();
    await worker.stop();
    await target.stop();
    await redis.stop();
  }
  const fault = FAULT.exec(target.log());
  if (fault !== null) failures.push(`the log has ${target.log().slice(fault.index - 500, fault.index + 1_500)}`);
  if (failures.length > 0 && fuzzed !== undefined) say(`kept ${keep(`${engine}-${seed}`, fuzzed.last)}`);
  return failures;
}

/** Fuzzes while an honest client looks whether the server answers, and newcomers come. */
async function fuzz(
  { engine, seed, forMs, answerWithinMs, say }: FuzzPlan,
  target: Target,
  redis: RedisServer,
  worker: WorkerProcess<FuzzQuestions>,
  failures: string[],
): Promise<Fuzzed> {
  const tokens = await Promise.all(Array.from({ length: USERS }, (_, n) => target.token(`fuzz-${n}`, ['fuzz-*'])));
  const place = { port: target.port, redisUrl: redis.url };
  const sending = worker.ask('fuzz', { ...place, tokens, addresses: ADDRESSES, seed, forMs });
  let isOver = false;
  const over = sending.finally(() => {
    isOver = true;
  });
  const answers: number[] = [];
  const newcomers: number[] = [];
  for (let n = 0; !isOver && target.isAlive; n++) {
    answers.push(await target.answerMs());
    if (n % 8 === 0) {
      const newcomer = { port: target.port, token: await target.token(`newcomer-${n}`), address: HONEST };
      newcomers.push(await timeToConnect(newcomer, GIVES_UP_MS));
    }
    await Promise.race([over, pause(LOOK_EVERY_MS)]);
  }
  const fuzzed = await sending;
  const p99 = percentile(answers, 0.99);
  say(
    `${engine}: answers p50 ${percentile(answers, 0.5)} ms, p99 ${p99} ms, newcomers p99 ${percentile(newcomers, 0.99)} ms`,
  );
  if (answerWithinMs !== undefined && p99 > answerWithinMs) failures.push(`answers took ${p99} ms at p99`);
  if (newcomers.some((ms) => ms >= GIVES_UP_MS)) failures.push('a newcomer did not get in');
  return fuzzed;
}

function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}
