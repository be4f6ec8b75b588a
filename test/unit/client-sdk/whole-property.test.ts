// The whole SDK before a server that keeps its word, on a network, a page and a clock that do not: what every subscription is told.
//
// A failing run names its seed: `SDK_SEED=… npx vitest run test/unit/client-sdk/whole-property.test.ts`; `SDK_RUNS` makes more of them.

import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../client-sdk/index.js';
import { createFetch } from '../../../client-sdk/testing/fetch.js';
import { Server } from '../../../client-sdk/testing/server.js';
import { createWebSocket } from '../../../client-sdk/testing/socket.js';
import type { Beginning, Client, Subscription, Transport } from '../../../client-sdk/types.js';
import { publishedSdk } from '../../support/published-sdk.js';
import { Random } from '../../support/random.js';
import { FakeClock } from './fakes/fake-clock.js';
import { emitPageEvent, jwt, leavePage, pageListeners, showPage } from './fakes/world.js';

const RUNS = Number(process.env.SDK_RUNS ?? 300);
const SEED = Number(process.env.SDK_SEED ?? 0);
const CHANNELS = ['a', 'b', 'c'];
const SETS: readonly (readonly Transport[] | undefined)[] = [
  undefined,
  ['websocket'],
  ['sse'],
  ['long-poll'],
  ['short-poll'],
  ['sse', 'long-poll'],
];

/** One subscription, and whether what it was told is what happened. */
class Judge {
  readonly subscription: Subscription;
  readonly #live = new Map<unknown, number>();
  readonly broken: string[] = [];
  /** The number after which the next message is to come; unknown until the first is told. */
  at: number | undefined;

  constructor(client: Client, channel: string, beginning: Beginning) {
    this.subscription = client.subscribe(channel, beginning);
    const { offset: begin } = this.subscription;
    if (begin.length > 3) this.at = Number(begin.slice(14));
    this.subscription.on('state', (state) => {
      // Who joins one that waits for its history is given that too.
      const isKnown = state.type === 'subscribed' && state.offset !== '-1';
      if (isKnown && beginning.after === 'now') this.at ??= Number(state.offset.slice(14));
    });
    this.subscription.on('gap', (gap) => {
      this.#is(this.at === undefined || Number(gap.offset.slice(14)) > this.at, `a gap back to ${gap.offset}`);
      this.at = Number(gap.offset.slice(14));
    });
    this.subscription.on('message', ({ offset: position, data }) => {
      if (position === undefined) {
        const times = (this.#live.get(data) ?? 0) + 1;
        this.#live.set(data, times);
        return this.#is(times === 1, `live ${data} ${times} times`);
      }
      const n = Number(position.slice(14));
      this.#is(this.at === undefined || n === this.at + 1, `${n} after ${this.at}`);
      this.at = n;
    });
  }

  #is(good: boolean, what: string): void {
    if (!good) this.broken.push(`${this.subscription.channel}: ${what}`);
  }
}

class Run {
  readonly clock = new FakeClock();
  readonly random: () => number;
  readonly server: Server;
  readonly client: Client;
  readonly timers = new Set<unknown>();
  readonly judges: Judge[] = [];
  readonly broken: string[] = [];
  #serial = 0;
  #hasToken = true;

  constructor(seed: number, create: typeof createClient) {
    const random = new Random(seed);
    this.random = () => random.next();
    const { clock, random: dice } = this;
    this.server = new Server({ clock, random: dice, latencyMs: 80, keep: Number.POSITIVE_INFINITY, user: 'u' });
    const fetch = createFetch(this.server);
    const WebSocket = createWebSocket(this.server);
    const set = SETS[this.#upTo(SETS.length)];
    this.client = create({
      url: 'http://discovery.test',
      token: () => (this.#hasToken ? jwt() : '<html>'),
      ...{ fetch, WebSocket, random: this.random, storage: null, pollIntervalMs: 500, transports: set },
      clock: {
        ...this.clock,
        setTimeout: (callback, ms) => {
          const timer = this.clock.setTimeout(() => {
            this.timers.delete(timer);
            callback();
          }, ms);
          this.timers.add(timer);
          return timer;
        },
        clearTimeout: (timer: never) => {
          this.timers.delete(timer);
          this.clock.clearTimeout(timer);
        },
      },
    });
  }

  #upTo(n: number): number {
    return Math.floor(this.random() * n);
  }

  #any<T>(list: readonly T[]): T | undefined {
    return list[this.#upTo(list.length)];
  }

  readonly #acts: readonly (() => unknown)[] = [
    () => this.#subscribe(),
    () => this.#subscribe(),
    () => this.#any(this.#open)?.subscription.unsubscribe(),
    () => this.#publish(1 + this.#upTo(5)),
    () => this.#publish(1),
    () => this.#publish(1),
    () => this.server.tell(this.#any(CHANNELS) ?? '', `live ${++this.#serial}`),
    () => this.#publishBySdk(),
    () => this.#move(),
    () => this.#move(),
    () => this.#move(),
    () => this.server.tell(this.#any(CHANNELS) ?? '', `live ${++this.#serial}`),
    () => this.server.tell(this.#any(CHANNELS) ?? '', `live ${++this.#serial}`),
    () => this.#publish(2),
    () => this.#subscribe(),
    () => (this.server.isMoving = !this.server.isMoving),
    () => [...this.server.ways].map((way) => way.lose()),
    () => this.#any([...this.server.ways])?.lose(),
    () => this.#any([...this.server.ways])?.end(4501, 'token_signature_invalid: no'),
    () => this.#any([...this.server.ways])?.end(4001, 'overloaded: full'),
    // It hears nothing more, and is told nothing of that.
    () => this.server.leave(this.#any([...this.server.ways]) as never),
    () => (this.server.isDown = !this.server.isDown),
    () => (this.#hasToken = !this.#hasToken),
    () => this.#toggle(this.#any(['websocket', 'sse', 'poll']) ?? ''),
    () => emitPageEvent(this.#any(['online', 'offline', 'pagehide', 'pageshow']) ?? ''),
    () => emitPageEvent('pageshow', { persisted: true }),
    () => showPage(this.random() < 0.5),
    () => this.clock.sleep(this.#upTo(60_000)),
    () => this.clock.set((this.random() - 0.5) * 86_400_000),
    () => this.random() < 0.3 && this.server.log(this.#any(CHANNELS) ?? '').trim(this.#upTo(6)),
  ];

  get #open(): Judge[] {
    return this.judges.filter(({ subscription }) => subscription.state.type !== 'closed');
  }

  #subscribe(): void {
    const channel = this.#any(CHANNELS) ?? '';
    const known = this.#any(this.judges.filter(({ subscription }) => subscription.channel === channel));
    const log = this.server.log(channel);
    const after =
      this.#any(['now', '-1', log.offset(this.#upTo(log.tail + 1)), known?.subscription.offset ?? 'now']) ?? 'now';
    const last = this.random() < 0.2 && this.#upTo(4);
    this.judges.push(new Judge(this.client, channel, last === false ? { after } : { last }));
  }

  #publish(count: number): void {
    const channel = this.#any(CHANNELS) ?? '';
    for (let n = 0; n < count; n++) this.server.publish(channel, n);
  }

  #publishBySdk(): void {
    const key = `k${++this.#serial}`;
    const channel = this.#any(CHANNELS) ?? '';
    this.client.publish(channel, key, { key }).then(
      (answer) => {
        const stored = this.server.stored.get(`u ${channel} ${key}`);
        if (answer.offset !== stored) this.broken.push(`published as ${answer.offset}, stored as ${stored}`);
      },
      ({ code }) => {
        if (!/^(timeout|closed)$/.test(code)) this.broken.push(`a publish failed with ${code}`);
      },
    );
  }

  #move(): void {
    for (const way of [...this.server.ways]) way.hear({ type: 'move', withinMs: 5_000, reason: 'draining' });
  }

  #toggle(transport: string): void {
    const { blocked } = this.server;
    if (!blocked.delete(transport)) blocked.add(transport);
  }

  async play(): Promise<void> {
    for (let left = 20 + this.#upTo(60); left > 0; left--) {
      this.#any(this.#acts)?.();
      const pace = this.random();
      // Much comes together: what is on its way is overtaken.
      if (pace < 0.5) await this.clock.advance(this.#upTo(pace < 0.05 ? 12_000 : pace < 0.15 ? 1_500 : 120));
    }
    await this.#heal();
    for (const channel of CHANNELS) this.server.publish(channel, 'the end');
    await this.clock.advance(30_000);
    for (const { subscription, at, broken } of this.judges) {
      this.broken.push(...broken);
      const { channel, state } = subscription;
      const { tail } = this.server.log(channel);
      if (state.type === 'closed' ? state.code !== 'unsubscribed' : at !== tail) {
        this.broken.push(
          `${channel} is ${JSON.stringify(state)} at ${at} of ${tail}, client ${JSON.stringify(this.client.state)}`,
        );
      }
    }
    this.#end();
  }

  async #heal(): Promise<void> {
    const { server } = this;
    server.isDown = false;
    server.isMoving = false;
    server.blocked.clear();
    this.#hasToken = true;
    leavePage();
    emitPageEvent('pageshow', { persisted: true });
    await this.clock.advance(60_000);
  }

  /** Nothing is left open. */
  #end(): void {
    this.client.close();
    const { requests, ways } = this.server;
    const left = { timers: this.timers.size, requests: requests.size, ways: ways.size, listeners: pageListeners() };
    if (Object.values(left).some((count) => count > 0)) this.broken.push(`left open: ${JSON.stringify(left)}`);
  }
}

afterEach(leavePage);

async function play(runs: number, create: typeof createClient): Promise<void> {
  for (let n = 0; n < runs; n++) {
    const seed = SEED || 1_000 + n;
    const run = new Run(seed, create);
    await run.play();
    expect(run.broken, `SDK_SEED=${seed}`).toEqual([]);
  }
}

describe('a client that everything happens to', () => {
  it(`loses, repeats and jumps over nothing, leaves no channel deaf and nothing open, ${RUNS} times`, () =>
    play(RUNS, createClient));

  it('is no other as it is published', async () => {
    const built = await publishedSdk<{ createClient: typeof createClient }>('index');
    await play(Math.ceil(RUNS / 5), built.createClient);
  });
});
