// Tabs that come, go, freeze, thaw and crash at random, on a network that loses links: what every subscription of every tab is told.
//
// A failing run names its seed: `TABS_SEED=… npx vitest run test/unit/client-sdk/shared-tabs-property.test.ts`; `TABS_RUNS` makes more of them.

import { describe, expect, it } from 'vitest';
import type { Subscription } from '../../../client-sdk/types.js';
import { Random } from '../../support/random.js';
import { type FakeTab, Origin } from './fakes/tabs.js';

const RUNS = Number(process.env.TABS_RUNS ?? 40);
const SEED = Number(process.env.TABS_SEED ?? 0);
const CHANNELS = ['a', 'b'];
const MAX_TABS = 6;

/** The number of a message, by its offset. */
const numberOf = (offset: string) => Number(offset.slice(14));

class Run {
  readonly #random: Random;
  readonly #origin: Origin;
  readonly #subscriptions: { readonly tab: FakeTab; readonly subscription: Subscription; at: number | undefined }[] =
    [];
  readonly broken: string[] = [];
  #serial = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#origin = new Origin(() => this.#random.next());
  }

  get #alive(): FakeTab[] {
    return this.#origin.tabs.filter(({ isDead }) => !isDead);
  }

  #open(): void {
    // The others have no link while nobody wants anything.
    if (this.#alive.length < MAX_TABS) this.#subscribe(this.#origin.open({ transports: ['websocket'] }));
  }

  #subscribe(tab: FakeTab): void {
    const channel = this.#random.pick(CHANNELS);
    const log = this.#origin.server.log(channel);
    const after = this.#random.pick(['now', '-1', log.offset(this.#random.below(log.tail + 1))]);
    const subscription = tab.client.subscribe(channel, { after } as object);
    const entry = { tab, subscription, at: /^\d/.test(after) ? numberOf(after) : after === '-1' ? 0 : undefined };
    this.#subscriptions.push(entry);
    subscription.on('gap', ({ reason }) => this.broken.push(`a gap: ${reason}`));
    subscription.on('message', ({ offset = '' }) => {
      const n = numberOf(offset);
      if (entry.at !== undefined && n !== entry.at + 1) this.broken.push(`${channel}: ${n} after ${entry.at}`);
      entry.at = n;
    });
    // Once it knows where `now` is, nothing may be missing any more.
    subscription.on('state', (state) => {
      if (state.type === 'subscribed') entry.at ??= numberOf(state.offset);
    });
    if (subscription.state.type === 'subscribed') entry.at ??= numberOf(subscription.state.offset);
  }

  #publish(tab: FakeTab): void {
    const key = `k${++this.#serial}`;
    const channel = this.#random.pick(CHANNELS);
    tab.client.publish(channel, key, { key }).then(
      ({ offset }) => {
        if (this.#origin.server.stored.get(`u ${channel} ${key}`) !== offset)
          this.broken.push(`${key} is not at ${offset}`);
      },
      ({ code }) => {
        // As of a tab that is frozen, or of a client that is closed.
        if (!/^(timeout|closed)$/.test(code)) this.broken.push(`${key}: ${code}`);
      },
    );
  }

  readonly #deeds: readonly ((tab: FakeTab) => void)[] = [
    () => this.#open(),
    () => this.#open(),
    (tab) => this.#subscribe(tab),
    (tab) => this.#random.pick(this.#subscriptions.filter((one) => one.tab === tab))?.subscription.unsubscribe(),
    (tab) => this.#alive.length > 1 && tab.crash(),
    (tab) => this.#alive.length > 1 && tab.close(),
    () => this.#alive.length > 1 && this.#origin.leaders[0]?.crash(),
    () => this.#origin.leaders[0]?.freeze(),
    (tab) => tab.freeze(),
    (tab) => tab.thaw(),
    (tab) => tab.thaw(),
    (tab) => tab.show(true),
    (tab) => tab.show(false),
    (tab) => tab.emit('pagehide'),
    (tab) => tab.emit('pageshow'),
    (tab) => tab.emit('online'),
    () => this.#random.pick([...this.#origin.server.ways])?.lose(),
    (tab) => this.#publish(tab),
    (tab) => this.#publish(tab),
    ...Array.from({ length: 8 }, () => () => void this.#origin.server.publish(this.#random.pick(CHANNELS), 'data')),
  ];

  async play(): Promise<void> {
    this.#open();
    const { clock } = this.#origin;
    for (let step = 0; step < 80; step++) {
      const tab = this.#random.pick(this.#alive);
      this.#random.pick(this.#deeds)(tab);
      const pace = this.#random.next();
      if (pace < 0.6) await clock.advance(this.#random.below(pace < 0.05 ? 12_000 : pace < 0.2 ? 1_500 : 120));
    }
    for (const tab of this.#alive) {
      tab.thaw();
      tab.show(false);
      tab.emit('pageshow');
    }
    await clock.advance(40_000);
    for (const channel of CHANNELS) this.#origin.server.publish(channel, 'the end');
    await clock.advance(5_000);
    this.#judge();
  }

  #judge(): void {
    for (const { tab, subscription, at } of this.#subscriptions) {
      if (tab.isDead || subscription.state.type === 'closed') continue;
      const { tail } = this.#origin.server.log(subscription.channel);
      if (at !== tail) this.broken.push(`${subscription.channel}: at ${at} of ${tail}, ${subscription.state.type}`);
    }
    if (this.#origin.links !== 1) this.broken.push(`${this.#origin.links} links`);
    for (const tab of this.#alive) tab.client.close();
  }

  async leftovers(): Promise<string[]> {
    await this.#origin.clock.advance(0);
    const { links, held, buses } = this.#origin;
    const open = [...buses.values()].reduce((sum, { size }) => sum + size, 0);
    return [links && `${links} links`, held.size && `${held.size} locks`, open && `${open} channels`]
      .filter((one) => one !== 0)
      .map(String);
  }
}

describe('tabs that share a connection, whatever happens to them', () => {
  it(`lose nothing, repeat nothing, and end with one link: ${RUNS} sequences`, async () => {
    for (let seed = SEED || 1; seed < (SEED || 1) + (SEED ? 1 : RUNS); seed++) {
      const run = new Run(seed);
      await run.play();
      const left = await run.leftovers();
      expect([...run.broken, ...left], `seed ${seed}`).toEqual([]);
    }
  });
});
