// Holds one node under fire, and says what it did that it must not: to honest subscribers, to newcomers, with descriptors and memory.

import { setTimeout as pause } from 'node:timers/promises';
import { WorkerProcess } from '../chaos/worker-process.js';
import { eventually } from '../support/eventually.js';
import type { AttackQuestions, Fired } from './attack-worker.js';
import { backTo, told } from './holding.js';
import { Subscriber, TRANSPORTS, timeToConnect } from './subscriber.js';
import { type Holding, Target } from './target.js';

export interface Plan {
  readonly engine: 'uws' | 'ws';
  readonly openFiles: number;
  readonly subscribers: number;
  readonly perSecond: number;
  readonly forMs: number;
  readonly runs: number;
  /** Absent: how long a newcomer takes is not judged. */
  readonly newcomerWithinMs?: number;
  readonly say: (line: string) => void;
}

const ATTACKERS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const HONEST_ADDRESSES = 20;
const NEWCOMER = '127.0.0.240';
const NEWCOMER_EVERY_MS = 1_000;
const NEWCOMER_GIVES_UP_MS = 10_000;
const BACK_WITHIN_MS = 30_000;
const MORE_RSS_MIB = 20;

/** Resolves with all that went wrong. */
export async function holdFire(plan: Plan): Promise<readonly string[]> {
  const target = await Target.start(plan.engine, plan.openFiles);
  const attackers = new WorkerProcess<AttackQuestions>('../gun/attack-worker.ts');
  const failures: string[] = [];
  const subscribers: Subscriber[] = [];
  try {
    subscribers.push(...(await openSubscribers(target, plan.subscribers)));
    target.startPublishing();
    await pause(1_000);
    const before = await target.holding();
    plan.say(`${plan.engine}: ${told(before)} with ${plan.subscribers} subscribers`);
    let first: Holding | undefined;
    for (let run = 1; run <= plan.runs && target.isAlive; run++) {
      const after = await fireOnce(target, attackers, plan, before, failures);
      plan.say(`${plan.engine}: ${told(after)} after run ${run}`);
      if (first !== undefined && after.rssMiB > first.rssMiB + MORE_RSS_MIB) {
        failures.push(
          `memory: ${Math.round(after.rssMiB)} MiB after run ${run}, ${Math.round(first.rssMiB)} after the first`,
        );
      }
      first ??= after;
    }
    await target.stopPublishing();
    failures.push(...(await judge(subscribers, target)));
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (!target.isAlive) failures.push(`the node has ended: ${target.log().slice(-2_000)}`);
    for (const subscriber of subscribers) subscriber.close();
    await target.stopPublishing();
    await attackers.stop();
    await target.stop();
  }
  return failures;
}

/** They come from addresses of their own, on all transports in turns; resolves when all listen. */
export async function openSubscribers(target: Target, count: number): Promise<readonly Subscriber[]> {
  const subscribers: Subscriber[] = [];
  for (let n = 0; n < count; n++) {
    const address = `127.0.0.${100 + (n % HONEST_ADDRESSES)}`;
    const transport = TRANSPORTS[n % TRANSPORTS.length] ?? 'websocket';
    subscribers.push(new Subscriber(transport, { port: target.port, token: await target.token(`u${n}`), address }));
  }
  await Promise.all(subscribers.map(({ ready, transport }) => (transport === 'long-poll' ? undefined : ready)));
  return subscribers;
}

async function fireOnce(
  target: Target,
  attackers: WorkerProcess<AttackQuestions>,
  { perSecond, forMs, newcomerWithinMs, say, engine }: Plan,
  before: Holding,
  failures: string[],
): Promise<Holding> {
  const fire = attackers.ask('fire', { port: target.port, perSecond, forMs, addresses: ATTACKERS });
  let isOver = false;
  const over = fire.finally(() => {
    isOver = true;
  });
  const times: number[] = [];
  let most = 0;
  for (let n = 0; !isOver && target.isAlive; n++) {
    const place = { port: target.port, token: await target.token(`newcomer-${n}`), address: NEWCOMER };
    times.push(await timeToConnect(place, NEWCOMER_GIVES_UP_MS));
    most = Math.max(most, await target.descriptors());
    await Promise.race([over, pause(NEWCOMER_EVERY_MS)]);
  }
  const fired = await fire;
  say(
    `${engine}: ${toldFired(fired)}; newcomers in within ${Math.round(Math.max(...times))} ms; at most ${most} descriptors`,
  );
  const late = times.filter((ms) => newcomerWithinMs !== undefined && ms > newcomerWithinMs);
  if (late.length > 0)
    failures.push(`${late.length} of ${times.length} newcomers took up to ${Math.round(Math.max(...late))} ms`);
  if (times.some((ms) => ms >= NEWCOMER_GIVES_UP_MS)) failures.push('a newcomer did not get in');
  return backTo(before, target, BACK_WITHIN_MS, failures);
}

/** What is wrong with it that each has heard every number once, in order, and nothing else. */
export async function judge(subscribers: readonly Subscriber[], target: Target): Promise<readonly string[]> {
  const behind = () => subscribers.filter(({ heard }) => heard.length < target.published);
  await eventually(async () => behind().length === 0 || `${behind().length} have not heard all`, BACK_WITHIN_MS).catch(
    () => undefined,
  );
  return subscribers.flatMap(({ transport, heard, trouble }, n) => {
    const wrong = heard.findIndex((number, at) => number !== at);
    const found = [...trouble];
    if (heard.length !== target.published) found.push(`${transport}: heard ${heard.length} of ${target.published}`);
    if (wrong !== -1) found.push(`${transport}: heard ${heard[wrong]} in place of ${wrong}`);
    return found.slice(0, 3).map((text) => `subscriber ${n}: ${text}`);
  });
}

function toldFired({ begun, connected, mostOpen, perSecond }: Fired): string {
  return `${begun} connections, ${perSecond} a second, of which ${connected} stood, ${mostOpen} at once`;
}
