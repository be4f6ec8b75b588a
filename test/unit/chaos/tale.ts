// Tells a little history of one channel, event by event.

import type { Damage, PublishRoute } from '../../chaos/history.js';
import { judge } from '../../chaos/judge.js';
import { HistoryBuilder } from '../../chaos/judge-builder.js';

export const NOTHING_ASKED = {
  minAcknowledged: 0,
  minDeliveries: 0,
  minResumes: 0,
  minClients: 0,
  minChannels: 0,
  requireFaults: [],
  requireTransports: [],
};

export const SECOND = 1_000;

/** Offset number `n`; the channel is `news` and the client `ann` where nothing else is said. */
export const at = (n: number) => `${String(1_000 + n).padStart(13, '0')}-${'7'.padStart(16, '0')}`;

export class Tale {
  readonly builder = new HistoryBuilder();
  #now = 100 * SECOND;
  #faults = 0;

  /** So much later. */
  after(ms: number): this {
    this.#now += ms;
    return this;
  }

  invoke(value: string, by: PublishRoute = 'fcall', channel = 'news', waitReplicas = 0): this {
    this.builder.add({ ...this.#line(), kind: 'invoke', f: 'publish', channel, value, by, key: value, waitReplicas });
    return this;
  }

  ok(value: string, offset: string | undefined): this {
    const where = offset === undefined ? {} : { offset };
    this.builder.add({ ...this.#line(), kind: 'ok', f: 'publish', channel: 'news', value, ...where });
    return this;
  }

  fail(value: string): this {
    this.builder.add({ ...this.#line(), kind: 'fail', f: 'publish', channel: 'news', value });
    return this;
  }

  /** Published at that offset: value `v1` at `at(1)`. */
  publish(...numbers: readonly number[]): this {
    for (const n of numbers) this.invoke(`v${n}`).ok(`v${n}`, at(n));
    return this;
  }

  subscribe(...clients: readonly string[]): this {
    for (const client of clients) {
      this.builder.add({ ...this.#line(), kind: 'invoke', f: 'subscribe', client, channel: 'news', offset: '-1' });
    }
    return this;
  }

  /** Told in this order: a number is a message, else a gap. */
  told(client: string, ...steps: readonly (number | readonly [reason: string, after: string, offset: string])[]): this {
    for (const step of steps) {
      if (typeof step === 'number') this.deliver(client, at(step), `v${step}`);
      else {
        const [reason, after, offset] = step;
        this.builder.add({ ...this.#line(), kind: 'ok', f: 'gap', client, channel: 'news', after, offset, reason });
      }
    }
    return this;
  }

  deliver(client: string, offset: string, value: string): this {
    this.builder.add({ ...this.#line(), kind: 'ok', f: 'deliver', client, channel: 'news', offset, value });
    return this;
  }

  fault(damage: Damage): this {
    const number = ++this.#faults;
    const fault = { kind: 'info', f: 'fault', number, fault: `${damage} fault`, damage, detail: 'seen' } as const;
    this.builder.add({ ...this.#line(), ...fault, phase: 'inject' });
    this.after(SECOND);
    this.builder.add({ ...this.#line(), ...fault, phase: 'heal' });
    this.after(SECOND);
    this.builder.add({ ...this.#line(), ...fault, phase: 'recovered' });
    return this.after(SECOND);
  }

  /** The final log holds these; a pair is an offset and a value. */
  log(historySize: number, ...numbers: readonly (number | readonly [string, string])[]): this {
    const entries = numbers.map((n): readonly [string, string] => (typeof n === 'number' ? [at(n), `v${n}`] : n));
    const tail = entries.at(-1)?.[0] ?? at(0);
    this.builder.add({ ...this.#line(), kind: 'ok', f: 'log', channel: 'news', historySize, tail, entries });
    return this;
  }

  judged() {
    return judge(this.builder.finish(), NOTHING_ASKED);
  }

  #line() {
    return { t: ++this.#now, process: 'tale' };
  }
}
