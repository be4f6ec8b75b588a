// One ticket does what it likes to a node and its Redis; says what its neighbours noticed, what a call read, and what the node held.

import { setTimeout as pause } from 'node:timers/promises';
import { Namespaces } from '../../src/config/namespaces.js';
import { WorkerProcess } from '../chaos/worker-process.js';
import { backTo, told } from '../gun/holding.js';
import { Target } from '../gun/target.js';
import { loadCountedLibrary, mostOf } from '../support/counted-library.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import type { OnslaughtQuestions } from './attack-worker.js';
import { bodyOf, post, type Victim } from './attacker.js';
import { ATTACKS } from './attacks.js';
import { Budgets } from './budgets.js';
import { Canary } from './canary.js';

export interface AttackPlan {
  readonly engine: 'uws' | 'ws';
  /** Of these attacks alone, one after the other. */
  readonly eachMs: number;
  /** Absent: of all. */
  readonly only?: readonly string[];
  /** Of all at once. */
  readonly allMs: number;
  /** Rounds of each attack that are under way. */
  readonly atOnce: number;
  /** Whether what took how long is judged: on an idle machine only. */
  readonly judgesTime: boolean;
  /** Whether the node has to be back at its start a minute later. */
  readonly judgesEnd: boolean;
  readonly say: (line: string) => void;
}

const NAMESPACES = { default: { historySize: 10_000 } };
const MIB = 1024 * 1024;
/** Messages and bytes of each: many short ones, and a few of the longest. */
const HISTORIES = { 'big:1': [10_000, 2_000], 'big:2': [1_000, 10_000], 'big:3': [100, 60_000] } as const;
/** Of any call of ours at Redis: 256 entries or 1 MiB that it looks back over, a page of 1,024 or 1 MiB, and the entries that pass these. */
const MOST = { entries: 1_300, bytes: 2.25 * MIB };
const LIMITS_MS = { delivery: 100, subscribe: 500 };
/** Publishes that may be under way when it is looked. */
const UNDER_WAY = 20;
const OPEN_FILES = 4_096;
const BACK_WITHIN_MS = 60_000;

/** Resolves with all that did not hold. */
export async function withstand(plan: AttackPlan): Promise<readonly string[]> {
  const { engine, say } = plan;
  const redis = await startRedis();
  const worker = new WorkerProcess<OnslaughtQuestions>('../attack/attack-worker.ts');
  const failures: string[] = [];
  let target: Target | undefined;
  let canary: Canary | undefined;
  try {
    await loadCountedLibrary(redis.admin, { prefix: 'fanfare', namespaces: new Namespaces(NAMESPACES) });
    await fill(redis);
    target = await startTarget(engine, redis.url);
    const victim = await victimOf(target);
    canary = await openCanary(target);
    await pause(1_000);
    const before = await target.holding();
    await mostOf(redis.admin);
    canary.take();
    for (const [name, forMs] of stagesOf(plan)) {
      const budgets = new Budgets(target);
      const onslaught = { victim, forMs, atOnce: plan.atOnce, ...(name !== undefined && { name }) };
      const rounds = await worker.ask('attack', onslaught);
      const found = [...(await budgets.exceeded()), ...(await judge(canary, redis, plan, name, rounds))];
      say(`${engine}: ${budgets.told()}`);
      failures.push(...found.map((text) => `${name ?? ALL}: ${text}`));
    }
    if (plan.judgesEnd) {
      const after = await backTo(before, target, BACK_WITHIN_MS, failures);
      say(`${engine}: ${told(before)} before, ${told(after)} after`);
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (target?.isAlive === false) failures.push(`the node has ended: ${target.log().slice(-2_000)}`);
    await canary?.stop();
    await worker.stop();
    await target?.stop();
    await redis.stop();
  }
  return failures;
}

const ALL = 'all at once';

function stagesOf({ only, eachMs, allMs }: AttackPlan): readonly (readonly [string | undefined, number])[] {
  const alone = ATTACKS.filter(({ name }) => only?.includes(name) ?? true).map(({ name }) => [name, eachMs] as const);
  return [...alone, [undefined, allMs] as const].filter(([, forMs]) => forMs > 0);
}

async function fill(redis: RedisServer): Promise<void> {
  for (const [channel, [count, bytes]] of Object.entries(HISTORIES)) {
    const data = `"${'x'.repeat(bytes)}"`;
    for (let sent = 0; sent < count; sent += 500) {
      const pipeline = redis.admin.pipeline();
      for (let n = 0; n < Math.min(500, count - sent); n++) pipeline.call('FCALL', 'fanfare_publish', 1, channel, data);
      await pipeline.exec();
    }
  }
}

function startTarget(engine: 'uws' | 'ws', redisUrl: string): Promise<Target> {
  return Target.start(engine, OPEN_FILES, {
    FANFARE_REDIS_URL: redisUrl,
    FANFARE_CLUSTER_SECRET: 'tickets-of-the-attack-0123456789abcdef',
    FANFARE_NAMESPACES: JSON.stringify(NAMESPACES),
    ...Budgets.ENVIRONMENT,
  });
}

/** With an ordinary ticket, as discovery gives it. */
async function victimOf(target: Target): Promise<Victim> {
  const token = await target.token('attacker', ['big:*']);
  const victim = { url: `http://127.0.0.1:${target.port}`, token, ticket: token, big: Object.keys(HISTORIES) };
  let ticket = '';
  await eventually(async () => {
    const answer = await post(victim, '/v1/connect', '{}');
    ticket = bodyOf<{ ticket?: string }>(answer)?.ticket ?? '';
    return ticket !== '' || answer;
  }, 10_000);
  return { ...victim, ticket };
}

async function openCanary(target: Target): Promise<Canary> {
  const token = (user: string) => target.token(user, ['canary:*']);
  const tokens = [await token('listener'), await token('subscriber'), await token('publisher')] as const;
  return Canary.start({ url: `http://127.0.0.1:${target.port}`, tokens });
}

async function judge(
  canary: Canary,
  redis: RedisServer,
  { engine, say, judgesTime }: AttackPlan,
  name: string | undefined,
  rounds: number,
): Promise<readonly string[]> {
  await pause(300);
  const { deliveriesMs, subscribesMs, refused, missing } = canary.take();
  const most = await mostOf(redis.admin);
  const p99 = deliveriesMs.toSorted((a, b) => a - b)[Math.floor(deliveriesMs.length * 0.99)] ?? Number.NaN;
  const slowest = Math.max(0, ...subscribesMs);
  const calls = `the largest call read ${most.entries} entries, ${(most.bytes / MIB).toFixed(2)} MiB`;
  const times = `delivered p99 ${p99.toFixed(0)} ms of ${deliveriesMs.length}, subscribed within ${slowest.toFixed(0)} ms`;
  say(`${engine}: ${name ?? ALL}: ${rounds} rounds; others: ${times}; ${calls}`);
  const failures: string[] = [];
  if (most.entries > MOST.entries || most.bytes > MOST.bytes) failures.push(calls);
  if (refused.length > 0) failures.push(`others were refused: ${[...new Set(refused)].join()}`);
  if (deliveriesMs.length === 0) failures.push('nothing was delivered to others');
  if (judgesTime && !(p99 <= LIMITS_MS.delivery)) failures.push(times);
  if (judgesTime && slowest > LIMITS_MS.subscribe) failures.push(times);
  if (judgesTime && missing > UNDER_WAY) failures.push(`${missing} publishes were not delivered`);
  return failures;
}
