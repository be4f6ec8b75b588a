// A worker process: publishes by every way there is, repeats what has a key until it is known to be stored, and writes it down.

import { setTimeout as pause } from 'node:timers/promises';
import { createCommandClient } from '../../src/broker/redis/clients.js';
import { Random } from '../support/random.js';
import { HistoryWriter, instant, type Noted } from './history-writer.js';
import { dataOf, nextValue } from './message-value.js';
import { createRoutes, type PublishTarget, type Route } from './publish-routes.js';
import { serve } from './worker-process.js';

export interface PublisherPlan extends PublishTarget {
  readonly directory: string;
  readonly name: string;
  readonly channels: readonly string[];
  readonly perSecond: number;
  readonly seed: number;
}

const TICK_MS = 20;
/** No more are begun while so many are under way. */
const MAX_OPEN = 2_000;
const TRY_FOR_MS = 120_000;
/** Of a hundred: what carries a long text. */
const LONG_SHARE = 2;
const LONG_BYTES = 8_000;
const BURST_BYTES = 50_000;
/** Publishes begun together when each channel gets one. */
const MARKS_AT_ONCE = 32;

class Publisher {
  readonly #plan: PublisherPlan;
  readonly #writer: HistoryWriter;
  readonly #random: Random;
  readonly #routes: readonly Route[];
  readonly #redis: ReturnType<typeof createCommandClient>;
  readonly #timer: NodeJS.Timeout;
  get #byKey(): Route {
    const route = this.#routes.find(({ by, hasKey }) => by === 'fcall' && hasKey);
    if (route === undefined) throw new Error('there is no FCALL with a key');
    return route;
  }

  #open = 0;
  #due = 0;
  #lastTick = instant();
  #paused = false;
  #idle: (() => void)[] = [];

  constructor(plan: PublisherPlan) {
    this.#plan = plan;
    this.#writer = new HistoryWriter(plan.directory, plan.name);
    this.#random = new Random(plan.seed);
    this.#redis = createCommandClient(plan.redis, 'publisher');
    this.#redis.on('error', () => {});
    void this.#redis.connect().catch(() => {});
    this.#routes = createRoutes(plan, this.#redis, this.#random);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Publishes one message on each channel and answers their offsets. */
  async mark(): Promise<Readonly<Record<string, string>>> {
    const offsets: Record<string, string> = {};
    const left = [...this.#plan.channels];
    const next = async (): Promise<void> => {
      for (let channel = left.pop(); channel !== undefined; channel = left.pop()) {
        const offset = await this.#publish(this.#byKey, channel);
        if (offset === undefined) throw new Error(`nothing could be published on ${channel}`);
        offsets[channel] = offset;
      }
    };
    await Promise.all(Array.from({ length: MARKS_AT_ONCE }, next));
    return offsets;
  }

  /** Publishes so many long messages at once, on channels of its choice. */
  async burst(count: number): Promise<void> {
    const one = () => this.#publish(this.#byKey, this.#random.pick(this.#plan.channels), BURST_BYTES);
    await Promise.all(Array.from({ length: count }, one));
  }

  /** Begins nothing more, and resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.#paused = true;
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#writer.flush();
  }

  async close(): Promise<void> {
    await this.pause();
    clearInterval(this.#timer);
    this.#redis.disconnect();
    this.#writer.close();
  }

  get open(): number {
    return this.#open;
  }

  #tick(): void {
    const now = instant();
    // A process that was stopped does not catch up.
    this.#due += (Math.min(200, now - this.#lastTick) * this.#plan.perSecond) / 1_000;
    this.#lastTick = now;
    for (; this.#due >= 1; this.#due--) {
      if (this.#paused || this.#open >= MAX_OPEN) continue;
      const route = this.#random.pick(this.#routes);
      void this.#publish(route, this.#random.pick(this.#plan.channels));
    }
  }

  async #publish(route: Route, channel: string, bytes?: number): Promise<string | undefined> {
    const { by, hasKey, waitReplicas } = route;
    const value = nextValue(this.#plan.name);
    const data = dataOf(value, bytes ?? (this.#random.below(100) < LONG_SHARE ? LONG_BYTES : 0));
    const key = hasKey ? value.replace('@', '_') : undefined;
    const note = (event: Noted) => this.#writer.note(event);
    note({
      kind: 'invoke',
      f: 'publish',
      channel,
      value,
      by,
      ...(key !== undefined && { key }),
      ...(waitReplicas !== undefined && { waitReplicas }),
    });
    const giveUpAt = instant() + TRY_FOR_MS;
    this.#open++;
    let answer = await route.attempt(channel, data, key);
    let attempts = 1;
    while (answer.kind === 'again' && key !== undefined && instant() < giveUpAt) {
      await pause(50 + this.#random.below(200));
      answer = await route.attempt(channel, data, key);
      attempts++;
    }
    const { offset, error } = answer;
    // What was refused at last may have been stored at first.
    const isUnknown = answer.kind === 'fail' && attempts > 1;
    const kind = isUnknown || answer.kind === 'again' ? 'info' : answer.kind;
    note({
      kind,
      f: 'publish',
      channel,
      value,
      ...(offset !== undefined && { offset }),
      ...(error !== undefined && { error }),
    });
    this.#open--;
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    return offset;
  }
}

let publisher: Publisher | undefined;
const running = () => {
  if (publisher === undefined) throw new Error('not started');
  return publisher;
};

const questions = {
  start(plan: PublisherPlan): void {
    publisher = new Publisher(plan);
  },
  mark: () => running().mark(),
  burst: (count: number) => running().burst(count),
  pause: () => running().pause(),
  open: () => running().open,
  close: () => running().close(),
};

export type PublisherQuestions = typeof questions;

serve(questions);
