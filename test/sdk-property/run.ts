// One run: a client in a world in which everything happens, and what did not hold.

import { createClient } from '../../client-sdk/index.js';
import type { Client, Transport } from '../../client-sdk/types.js';
import type { Begin } from '../../src/protocol/index.js';
import { Random } from '../support/random.js';
import { type Act, chooseActs } from './acts.js';
import { createFaults, heal } from './faults.js';
import { type Asked, Judge } from './judge.js';
import { hearPage, pageListeners, seePage, unseePage } from './page.js';
import { Publishes } from './publishes.js';
import { Server } from './server.js';
import { WorldClock } from './world-clock.js';

const SETS: readonly (readonly Transport[] | undefined)[] = [
  ...[undefined, undefined, ['websocket'], ['websocket'], ['sse'], ['sse'], ['long-poll'], ['short-poll']],
  ['sse', 'long-poll'],
] as (readonly Transport[] | undefined)[];

/** The longest that a client may take to be well again: a call for a token hangs for 60 s, a hidden page hears a dead link after 64 s. */
const WELL_WITHIN_MS = 240_000;

export class Run {
  readonly clock = new WorldClock();
  readonly random: Random;
  readonly server: Server;
  readonly client: Client;
  readonly publishes: Publishes;
  readonly channels: readonly string[];
  readonly judges: Judge[] = [];
  readonly broken: string[] = [];
  /** What the application's function for tokens does, and calls of it that hang. */
  token: 'works' | 'fails' | 'lies' | 'hangs' | 'ends' = 'works';
  readonly #hanging = new Set<AbortSignal>();
  /** How often each live-only message was told. */
  readonly #told = new Map<unknown, number>();
  /** The client may be closed, by these. */
  readonly mayClose = new Set<string>();
  readonly everForbidden = new Set<string>();
  readonly trace: string[] | undefined;
  #serial = 0;
  #isOver = false;

  constructor(seed: number, isTraced = false) {
    const random = new Random(seed);
    // Neighbours begin alike.
    for (let n = 0; n < 5; n++) random.next();
    this.random = random;
    this.trace = isTraced ? [] : undefined;
    this.channels = ['a', 'b', 'c'].slice(0, 1 + random.below(3));
    this.server = new Server(this.clock, random, createFaults(random));
    this.server.arrived = (channel, data) => {
      for (const judge of this.judges) if (judge.subscription.channel === channel) judge.owe(data);
    };
    const storage = new Map<string, string>();
    this.client = createClient({
      url: 'http://discovery.test',
      token: (context) => this.#giveToken(context.signal as AbortSignal),
      ...{ fetch: this.server.fetch, WebSocket: this.server.WebSocket, random: () => random.next() },
      clock: this.clock.sdk,
      storage: { getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => void storage.set(key, value) },
      ...{ pollIntervalMs: random.pick([300, 2_000]), pollWaitMs: random.pick([25_000, 3_000]) },
      transports: random.pick(SETS),
    });
    this.publishes = new Publishes(this.client, this.server, this.broken);
    this.client.on('state', (state) => {
      this.trace?.push(`${this.clock.monotonic()} ${JSON.stringify(state)}`);
      if (this.#isOver && state.type !== 'closed') this.broken.push(`${state.type} after the end`);
      if (state.type !== 'closed') return;
      if (!this.mayClose.has(state.reason)) this.broken.push(`closed with ${state.reason}`);
    });
  }

  #giveToken(signal: AbortSignal): string | null | Promise<string> {
    if (this.token === 'fails') throw new Error('no token');
    if (this.token === 'lies') return '<html>';
    if (this.token === 'ends') return null;
    if (this.token === 'works') return 'head.user.signature';
    this.#hanging.add(signal);
    return new Promise(() => {});
  }

  get open(): readonly Judge[] {
    return this.judges.filter((judge) => judge.isOpen);
  }

  subscribe(channel = this.random.pick(this.channels)): Judge {
    const { random } = this;
    const log = this.server.log(channel);
    const beside = this.judges.filter((judge) => judge.subscription.channel === channel);
    const known = beside.map((judge) => judge.subscription.offset);
    const ends = random.chance(0.1) ? new AbortController() : undefined;
    const asked: Asked = {
      begin: random.pick([
        'now',
        'now',
        '-1',
        random.pick(log.positions),
        random.pick([...known, 'now']),
        this.#last(),
      ]),
      isFirst: !beside.some((judge) => judge.isOpen),
      gaps: random.pick(['throw', 'yield'] as const),
      pause: random.chance(0.3) ? () => this.#pause() : undefined,
      signal: ends?.signal,
      mayClose: this.mayClose,
    };
    const judge = new Judge(this.client, log, channel, asked);
    if (this.everForbidden.has(channel)) judge.mayEndWith.add('forbidden_channel');
    if (ends) this.clock.page(random.below(5_000), () => ends.abort());
    this.judges.push(judge);
    return judge;
  }

  /** A node that does not know it refuses it for good. */
  #last(): Begin {
    return this.server.faults.features.includes('positions') ? { last: this.random.pick([1, 3, 1_000]) } : 'now';
  }

  /** How long a reader takes for one message. */
  async #pause(): Promise<void> {
    if (!this.#isOver && this.random.chance(0.2)) {
      await new Promise<void>((resolve) => this.clock.page(this.random.below(500), resolve));
    }
  }

  tell(channel: string, isNew: boolean): void {
    const data = `live ${isNew ? ++this.#serial : this.#serial}`;
    this.#told.set(data, (this.#told.get(data) ?? 0) + 1);
    for (const way of [...this.server.ways]) way.tell(channel, data);
  }

  async play(): Promise<readonly string[]> {
    const { random, clock } = this;
    const acts = chooseActs(random);
    const pace = random.pick([[3], [3, 120], [3, 120, 1_500], [120, 1_500, 12_000]]);
    try {
      for (let left = 5 + random.below(40); left > 0; left--) {
        const [name, act] = random.pick(acts) as Act;
        this.trace?.push(`${clock.monotonic()} ${name}`);
        await act(this);
        if (random.chance(0.6)) await clock.advance(random.below(random.pick(pace)));
      }
      await this.#finish();
    } catch (error) {
      this.broken.push(`${(error as Error).stack}`);
    } finally {
      // What is left of one that threw would be taken for the next one's.
      this.mayClose.add('closed');
      this.client.close();
      unseePage();
    }
    for (const judge of this.judges) this.broken.push(...judge.close(this.#told));
    return [...new Set([...this.broken, ...this.server.broken])];
  }

  /** Everything works again: whoever is subscribed has everything in a while, and what comes then. */
  async #finish(): Promise<void> {
    const { random, clock, server, client } = this;
    heal(server.faults);
    this.token = 'works';
    if (random.chance(0.3)) hearPage('pageshow', { persisted: random.chance(0.5) });
    else if (random.chance(0.5)) seePage(false);
    if (client.state.type === 'closed') client.connect();
    for (const channel of this.channels) if (random.chance(0.3)) this.subscribe(channel);
    await this.#until(
      () => this.#behind.length === 0,
      () => `has everything: ${this.#behind}`,
    );
    for (const channel of this.channels) server.publish(channel, `last ${channel}`);
    await this.#until(
      () => this.#behind.length === 0,
      () => `has the last: ${this.#behind}`,
    );
    // What would come again, and what is left open, has a while for that.
    await clock.advance(3_000);
    await this.#until(
      () => [...server.open.keys()].length <= 1,
      () => `has one link: ${[...server.open.values()]}`,
    );
    await this.#end();
  }

  get #behind(): readonly string[] {
    return this.judges.filter((judge) => !judge.isDone).map((judge) => judge.place);
  }

  async #until(holds: () => boolean, what: () => string): Promise<void> {
    for (let leftMs = WELL_WITHIN_MS; !holds(); leftMs -= 500) {
      if (leftMs <= 0) {
        return void this.broken.push(`it is not so that it ${what()}; ${JSON.stringify(this.client.state)}`);
      }
      await this.clock.advance(500);
    }
  }

  /** Nothing is left open. */
  async #end(): Promise<void> {
    const { server, clock } = this;
    this.mayClose.add('closed');
    this.client.close();
    this.#isOver = true;
    const hanging = [...this.#hanging].filter((signal) => !signal.aborted).length;
    const left = { timers: clock.pending, open: [...server.open.values()], listeners: pageListeners(), hanging };
    if (left.timers || left.open[0] || left.listeners || hanging) {
      this.broken.push(`left open: ${JSON.stringify(left)}`);
    }
    await clock.advance(1_000);
    if (clock.pending || server.open.size) this.broken.push(`opened after the end: ${[...server.open.values()]}`);
    this.publishes.close();
  }
}
