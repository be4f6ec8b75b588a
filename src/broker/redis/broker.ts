// The broker on Redis: publishes through the function library, subscribes to the live channels, reads the logs.

import { calm } from '../../lib/calm.js';
import type { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { type Begin, LIMITS, type Offset, START } from '../../protocol/index.js';
import type {
  BatchPublisher,
  Broker,
  BrokerListener,
  BrokerStatus,
  HistoryPage,
  PageLimit,
  Publication,
  PublishOutcome,
  Stored,
} from '../broker.js';
import type { ErasingBroker, HistoryEraser } from '../eraser.js';
import { decodeHistoryPage, NOTHING_YET, restOf } from '../history-page.js';
import { normalise } from '../payload.js';
import { checkAfter, checkChannel, checkPublication, checkSize } from '../publication.js';
import { BusMessages } from './bus-messages.js';
import { liveName, type Subscriber, type SubscriberOptions } from './bus-subscription.js';
import type { BusStats } from './canary.js';
import { ClusterSubscriber } from './cluster-subscriber.js';
import { RedisConnection, type RedisConnectionOptions, START_TIMEOUT_MS } from './connection.js';
import { DurablePublisher } from './durable-publisher.js';
import { Erasures } from './erasures.js';
import { foreignAnswer, toFanfareError, unavailableError } from './errors.js';
import { PublishBatches, storedAs, TELL } from './publish-batches.js';
import { RedisClock } from './redis-clock.js';
import { RedisSubscriber } from './subscriber.js';
import { Tails } from './tails.js';

export interface RedisBrokerOptions extends RedisConnectionOptions {
  /** Shared with the registry where there is one; made, and closed with the broker, where there is none. */
  readonly connection?: RedisConnection;
  /** False: messages of the bus are read by ioredis, as everything else. Default true. */
  readonly readsPushes?: boolean;
  /** How far the offset of a message may lie ahead of Redis' clock, in milliseconds; default 2,000. */
  readonly clockToleranceMs?: number;
}

/** As in read-lua.ts: what one call looks back over. */
const WALKED_BYTES = 1024 * 1024;
/** Chosen: clocks of a Cluster's masters differ by less, and answers take less. */
const CLOCK_TOLERANCE_MS = 2_000;

export interface RedisBusBroker extends Broker, BatchPublisher, ErasingBroker {
  /** Counts since it was made. */
  stats(): Readonly<BusStats>;
}

/**
 * A broker on Redis 7+ or Valkey, alone, behind Sentinel, or as a Cluster. Messages of one channel reach the listener in the order of
 * the bus, synchronously as they are read from the socket. Throws `TypeError` for a URL or prefix that cannot be.
 */
export function createRedisBroker(options: RedisBrokerOptions): RedisBusBroker {
  return new RedisBroker(options);
}

class RedisBroker implements RedisBusBroker {
  readonly #connection: RedisConnection;
  readonly #ownsConnection: boolean;
  readonly #subscriber: Subscriber;
  readonly #durable: DurablePublisher;
  readonly #logger: Logger;
  readonly #prefix: string;
  readonly #maxMessageBytes: number;
  readonly #startTimeoutMs: number;
  readonly #stats: BusStats = { canaryMisses: 0, subscriberRebuilds: 0, subscriberDisconnects: 0 };
  readonly #batches: PublishBatches;
  readonly #tails: Tails;
  readonly #clock: RedisClock;
  readonly eraser: HistoryEraser;
  readonly #hasLive: (channel: string) => boolean;
  #listener: BrokerListener | undefined;
  #subscriberStatus: BrokerStatus = { ready: false, sinceMs: Date.now(), detail: 'not started' };
  #closed = false;

  constructor(options: RedisBrokerOptions) {
    const { url, prefix, logger } = options;
    this.#prefix = prefix;
    this.#logger = logger;
    this.#maxMessageBytes = options.maxMessageBytes ?? LIMITS.maxMessageBytes;
    this.#startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
    this.#connection = options.connection ?? new RedisConnection(options);
    this.#ownsConnection = options.connection === undefined;
    this.#tails = new Tails(this.#connection, logger);
    this.eraser = new Erasures(this.#connection);
    this.#durable = new DurablePublisher({ url, connection: this.#connection, logger });
    this.#batches = new PublishBatches({
      connection: this.#connection,
      store: (publication) => this.#store(publication),
      maxMessageBytes: this.#maxMessageBytes,
      note: (error, channel) => this.#noting(error, channel),
    });
    const { namespaces, clockToleranceMs: toleranceMs = CLOCK_TOLERANCE_MS } = options;
    this.#hasLive = (channel) => namespaces.of(channel).live;
    this.#clock = new RedisClock({ connection: this.#connection, toleranceMs, logger });
    const messages = new BusMessages(this.#maxMessageBytes, this.#clock);
    const listener = {
      payload: (channel: string, payload: Buffer, live: boolean) => {
        if (this.#listener !== undefined) messages.hand(channel, payload, live, this.#listener);
      },
      resubscribed: (channels: readonly string[]) => this.#listener?.resubscribed(channels),
      changed: (ready: boolean, detail: string) => {
        const before = this.#subscriberStatus;
        const isSame = before.ready === ready && before.detail !== 'not started';
        this.#subscriberStatus = { ready, sinceMs: isSame ? before.sinceMs : Date.now(), detail };
      },
    };
    this.#subscriber = createSubscriber(
      {
        url,
        names: this.#connection.names,
        logger,
        listener,
        stats: this.#stats,
        readsPushes: options.readsPushes,
        hasLive: this.#hasLive,
        publish: (busName, payload) => this.#fanOut(busName, payload),
      },
      this.#connection,
    );
  }

  async start(listener: BrokerListener): Promise<void> {
    this.#assertOpen();
    this.#listener = listener;
    try {
      if (this.#ownsConnection) await this.#connection.start();
      await this.#clock.start().catch((error: unknown) => {
        throw toFanfareError(error, 'read');
      });
      await this.#subscriber.start(this.#startTimeoutMs);
      this.#assertOpen();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async subscribe(channel: string): Promise<void> {
    this.#assertOpen();
    checkChannel(channel);
    await this.#subscriber.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.#tails.forget(channel);
    this.#subscriber.unsubscribe(channel);
  }

  async publish(publication: Publication): Promise<Offset> {
    // Else it would overtake.
    if (!this.#batches.isHolding) return (await this.#store(publication)).offset;
    return (await this.#batches.publishBehind(publication)).offset;
  }

  publishMany(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return this.#batches.publishMany(publications);
  }

  async #store(publication: Publication): Promise<Stored> {
    this.#assertOpen();
    checkPublication(publication, this.#maxMessageBytes);
    const { channel, data, key, from, waitReplicas: replicas = 0 } = publication;
    const keys = this.#keys(channel);
    if (key !== undefined) keys.push(`${this.#prefix}:{${channel}}:key:${key}`);
    const args = from === undefined ? [data] : [data, from];
    if (key !== undefined) args.splice(1, 1, from ?? '', TELL);
    const stored =
      replicas > 0
        ? this.#durable.publish({ channel, keys, args, replicas })
        : this.#connection.call('write', 'publish', keys, args);
    const answer = await stored.catch((error: FanfareError) => {
      throw this.#noting(error, channel);
    });
    const outcome = storedAs(answer);
    if (outcome === undefined) throw foreignAnswer('an offset');
    return outcome;
  }

  async publishLive(channel: string, data: Buffer | string): Promise<void> {
    this.#assertOpen();
    checkChannel(channel);
    checkSize(data, this.#maxMessageBytes);
    // Normalised before it leaves: no payload of ours may look like an envelope.
    const payload = normalise(typeof data === 'string' ? Buffer.from(data) : data, this.#maxMessageBytes);
    try {
      const busName = `${this.#connection.names.bus}:{${channel}}`;
      await this.#fanOut(this.#hasLive(channel) ? liveName(busName) : busName, payload);
    } catch (error) {
      throw toFanfareError(error, 'write');
    }
  }

  async read(channel: string, after: Begin, limit: PageLimit): Promise<HistoryPage> {
    this.#assertOpen();
    checkChannel(channel);
    checkAfter(after);
    const keys = this.#keys(channel);
    const begin = typeof after === 'string' ? after : `last:${after.last}`;
    const opens = after !== START || limit.opens !== false;
    const read = (from: string) => {
      const args = [from, Math.max(1, limit.maxEntries), Math.max(1, limit.maxBytes)];
      return this.#readOrOpen(keys, args, opens);
    };
    try {
      let answer = await read(begin);
      if (answer === null && !opens) return NOTHING_YET;
      // The last of many long messages are looked for in several calls, so that none of them is a long one.
      let rest = typeof after === 'string' ? undefined : restOf(answer, after.last);
      let walkedBytes = 0;
      while (rest !== undefined) {
        walkedBytes += WALKED_BYTES;
        answer = await read(rest.begin);
        rest = restOf(answer, rest.left);
      }
      const { page, renew } = decodeHistoryPage(answer, this.#maxMessageBytes);
      if (renew) this.#renew(keys);
      return walkedBytes === 0 ? page : { ...page, walkedBytes };
    } catch (error) {
      throw this.#noting(toFanfareError(error, 'read'), channel);
    }
  }

  async tails(channels: readonly string[]): Promise<readonly (Offset | undefined | null)[]> {
    this.#assertOpen();
    this.#connection.assertReady();
    return this.#tails.of(channels);
  }

  status(): BrokerStatus {
    if (this.#closed) return { ...this.#connection.status(), ready: false, detail: 'closed' };
    const commands = this.#connection.status();
    if (!commands.ready || this.#subscriberStatus.detail !== '')
      return commands.ready ? this.#subscriberStatus : commands;
    return { ...this.#subscriberStatus, detail: commands.detail };
  }

  stats(): Readonly<BusStats> {
    return this.#stats;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.stop();
    this.#listener = undefined;
    const connection = this.#ownsConnection && this.#connection.close();
    await Promise.all([this.#subscriber.close(), this.#durable.close(), connection]);
  }

  async #fanOut(busName: string, payload: Buffer | string): Promise<void> {
    this.#connection.assertReady();
    const { client, cluster } = this.#connection;
    await (cluster === undefined ? client.publish(busName, payload) : cluster.spublish(busName, payload));
  }

  async #readOrOpen(keys: string[], args: (string | number)[], opens: boolean): Promise<unknown> {
    let answer = await this.#connection.callBuffer('read', 'read', keys, args);
    for (let attempt = 0; answer === null && opens && attempt < 3; attempt++) {
      await this.#connection.call('read', 'open', keys, []);
      answer = await this.#connection.callBuffer('read', 'read', keys, args);
    }
    return answer;
  }

  /** An opened tail lives while someone reads there; nobody waits for this. */
  #renew(keys: readonly string[]): void {
    this.#connection.call('read', 'open', keys, []).catch((error: Error) => {
      this.#logger.debug({ error }, 'an opened tail was not renewed');
    });
  }

  /** The keys that every function of a channel declares. */
  #keys(channel: string): string[] {
    return [`${this.#prefix}:{${channel}}:log`, `${this.#prefix}:{${channel}}:tail`];
  }

  /** What somebody should know is told to the log or the status. */
  #noting(error: FanfareError, channel: string): FanfareError {
    if (error.code === 'storage_full') this.#connection.noteFull(error);
    if (error.code === 'internal') {
      const keys = `${this.#prefix}:{${channel}}:*`;
      calm(this.#logger).error({ error, keys }, 'Redis refuses to work with the keys of a channel');
    }
    return error;
  }

  #assertOpen(): void {
    if (this.#closed) throw unavailableError('the broker is closed');
  }
}

function createSubscriber(options: SubscriberOptions, { cluster }: RedisConnection): Subscriber {
  return cluster === undefined ? new RedisSubscriber(options) : new ClusterSubscriber({ ...options, cluster });
}
