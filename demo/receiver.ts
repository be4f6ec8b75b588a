// The page's own client: one transport at a time, the channels it is in, and no lost position when the transport changes.

import type {
  After,
  Client,
  ClientOptions,
  ClientState,
  FanfareError,
  Gap,
  Message,
  Offset,
  Subscription,
  SubscriptionState,
  Transport,
} from '../client-sdk/types.js';

/** What a person may choose; `auto` leaves it to the SDK. */
export type Choice = Transport | 'auto';

export type CreateClient = (options: ClientOptions) => Client;

export interface ReceiverParts {
  readonly createClient: CreateClient;
  /** Everything but the transports. */
  readonly options: ClientOptions;
  readonly onState: (state: ClientState) => void;
  readonly onError: (error: FanfareError) => void;
  readonly onMessage: (message: Message) => void;
  readonly onGap: (gap: Gap) => void;
  readonly onChannel: (channel: string, state: SubscriptionState) => void;
}

/** What a person chose is not what the SDK found to work: it is not to be remembered for `auto`. */
const FORGETFUL = { getItem: () => null, setItem() {} };

/** From the start of what history holds: whoever opens the page sees what was said before. */
const START: After = '-1';

export class Receiver {
  readonly #parts: ReceiverParts;
  /** The position in each channel, where the next subscription goes on. */
  readonly #positions = new Map<string, After>();
  readonly #subscriptions = new Map<string, Subscription>();
  /** Publishes that have no answer yet: their client is kept until they have. */
  readonly #publishing = new Set<Promise<unknown>>();
  #choice: Choice;
  #client: Client;

  constructor(parts: ReceiverParts, choice: Choice, channels: readonly string[]) {
    this.#parts = parts;
    this.#choice = choice;
    for (const channel of channels) this.#positions.set(channel, START);
    this.#client = this.#connect();
  }

  get choice(): Choice {
    return this.#choice;
  }

  get state(): ClientState {
    return this.#client.state;
  }

  get channels(): readonly string[] {
    return [...this.#positions.keys()];
  }

  /** The position in a channel: an offset once one is known. */
  position(channel: string): After {
    return this.#subscriptions.get(channel)?.offset ?? this.#positions.get(channel) ?? START;
  }

  /** Leaves the transport and goes on, from the same positions, over another one. */
  use(choice: Choice): void {
    this.#choice = choice;
    const old = this.#client;
    for (const channel of this.channels) this.#leave(channel);
    // Its last answers are awaited; what it was subscribed to has moved on.
    void Promise.allSettled([...this.#publishing]).then(() => old.close());
    this.#client = this.#connect();
  }

  join(channel: string, after: After = START): void {
    this.#leave(channel);
    this.#positions.set(channel, after);
    this.#subscribe(channel);
  }

  leave(channel: string): void {
    this.#leave(channel);
    this.#positions.delete(channel);
  }

  async publish(channel: string, data: unknown): Promise<Offset> {
    const published = this.#client.publish(channel, data);
    this.#publishing.add(published);
    try {
      return (await published).offset;
    } finally {
      this.#publishing.delete(published);
    }
  }

  #connect(): Client {
    const { createClient, options, onState, onError } = this.#parts;
    const chosen = this.#choice !== 'auto' && { transports: [this.#choice], storage: FORGETFUL };
    const client = createClient({ ...options, ...chosen });
    this.#client = client;
    const mine = () => this.#client === client;
    client.on('state', (state) => mine() && onState(state));
    client.on('error', (error) => mine() && onError(error));
    for (const channel of this.channels) this.#subscribe(channel);
    onState(client.state);
    return client;
  }

  #subscribe(channel: string): void {
    const { onMessage, onGap, onChannel } = this.#parts;
    const subscription = this.#client.subscribe(channel, { after: this.position(channel) }, onMessage);
    this.#subscriptions.set(channel, subscription);
    subscription.on('gap', onGap);
    subscription.on('state', (state) => {
      if (this.#subscriptions.get(channel) === subscription) onChannel(channel, state);
    });
    onChannel(channel, subscription.state);
  }

  #leave(channel: string): void {
    const subscription = this.#subscriptions.get(channel);
    if (subscription === undefined) return;
    this.#positions.set(channel, this.position(channel));
    this.#subscriptions.delete(channel);
    subscription.unsubscribe();
  }
}
