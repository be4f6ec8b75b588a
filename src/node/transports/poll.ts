// `POST /v1/poll`: long and short polls, without a session between them.

import type { Identity } from '../../auth/identity.js';
import type { Broker } from '../../broker/broker.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { TimingWheel } from '../../lib/timing-wheel.js';
import { decodePollRequest, type PollRequest } from '../../protocol/index.js';
import { requireRead } from '../clients/access.js';
import type { HttpClient } from '../clients/http-clients.js';
import type { NodeContext } from '../node-context.js';
import type { HttpCall } from './call.js';
import { PollAnswers } from './poll-answer.js';
import { type PollParts, PollTask } from './poll-task.js';

const TICK_MS = 25;

/** Owns every poll that waits. */
export class PollEndpoint {
  readonly #context: NodeContext;
  readonly #parts: PollParts;
  readonly #wheel = new TimingWheel<PollTask>(TICK_MS);
  readonly #waiting = new Set<PollTask>();
  #scheduled: PollTask[] = [];

  constructor(context: NodeContext, broker: Broker) {
    this.#context = context;
    this.#parts = {
      context,
      broker,
      answers: new PollAnswers(),
      wheel: this.#wheel,
      waiting: this.#waiting,
      schedule: (task) => this.#schedule(task),
    };
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  handle(call: HttpCall): void {
    call.authenticate((identity) => call.readJson((body) => this.#poll(call, identity, body)));
  }

  /** Ends every wait: `204` with `Fanfare-Move: 1`. */
  moveAll(): void {
    for (const task of [...this.#waiting]) task.move();
  }

  close(): void {
    this.moveAll();
    this.#wheel.close();
  }

  #poll(call: HttpCall, identity: Identity, body: string): void {
    const decoded = decodePollRequest(body);
    if (!decoded.ok) throw new FanfareError(decoded.problem.code, decoded.problem.message);
    const request = decoded.value;
    requireRead(identity, request.channels.keys(), this.#context.options.namespaces);
    if (request.channels.size > this.#context.options.channelsPerConnection) {
      throw new FanfareError(
        'too_many_channels',
        `a poll has at most ${this.#context.options.channelsPerConnection} channels`,
      );
    }
    const nowMs = monotonicNowMs();
    const client = this.#context.clients.see(identity, call, nowMs);
    this.#spend(client, request, nowMs);
    this.#context.claim(identity);
    this.#context.counters.polls++;
    new PollTask(this.#parts, call, identity, request, client).start();
  }

  #spend(client: HttpClient, request: PollRequest, nowMs: number): void {
    const { more } = client;
    client.more = undefined;
    if (more !== undefined && request.channels.get(more.channel) === more.offset) return;
    client.reads.spend(request.channels.size / 10, nowMs);
  }

  #schedule(task: PollTask): void {
    if (this.#scheduled.push(task) > 1) return;
    setImmediate(() => {
      const due = this.#scheduled;
      this.#scheduled = [];
      for (const waiting of due) waiting.flush();
    });
  }
}
