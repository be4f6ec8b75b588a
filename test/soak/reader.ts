// One reader of a soak: a client that comes, hears numbers that follow on each other, goes, and comes back to where it was.

import { createClient } from '../../client-sdk/node.js';
import type { After, Client, Transport } from '../../client-sdk/types.js';

export interface ReaderPlan {
  readonly url: string;
  readonly user: string;
  readonly transport: Transport;
  readonly channels: readonly string[];
  token(user: string): Promise<string>;
  fail(what: string): void;
}

/** Where it is in each channel, and what it heard there last. */
type Places = Map<string, { after: After; number: number | undefined }>;

export class Reader {
  heard = 0;
  readonly #plan: ReaderPlan;
  readonly #places: Places;
  #client: Client | undefined;

  constructor(plan: ReaderPlan) {
    this.#plan = plan;
    this.#places = new Map(plan.channels.map((channel) => [channel, { after: 'now', number: undefined }]));
  }

  /** Connects, or connects again and goes on. */
  come(): void {
    const { url, user, transport, token, fail } = this.#plan;
    const client = createClient({ url, token: () => token(user), transports: [transport], pollIntervalMs: 1_000 });
    client.on('state', ({ type, ...rest }) => {
      if (type === 'closed' && client === this.#client) fail(`${user} was closed: ${JSON.stringify(rest)}`);
    });
    for (const [channel, place] of this.#places) {
      const subscription = client.subscribe(channel, { after: place.after }, ({ data }) => {
        const number = Number(data);
        if (place.number !== undefined && number !== place.number + 1)
          fail(`${user} heard ${number} after ${place.number} on ${channel} over ${transport}`);
        place.number = number;
        place.after = subscription.offset;
        this.heard++;
      });
      subscription.on('gap', (gap) => fail(`${user} was told a gap on ${channel}: ${JSON.stringify(gap)}`));
      subscription.on('state', ({ type }) => {
        if (type === 'subscribed') place.after = subscription.offset;
      });
    }
    this.#client = client;
  }

  go(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.close();
  }
}
