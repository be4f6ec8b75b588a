// Topics of the ws engine: what is published in one tick is framed once and written once to each subscriber.

import { soon } from '../../../lib/timers.js';
import { headerBytes, writeTextHeader } from './frame.js';

/** A topic with more pending bytes does not wait for the end of the tick. */
const MAX_BATCH_BYTES = 256 * 1024;
const MIN_BATCH_BYTES = 512;

/** What a topic needs of a socket. */
export interface Subscriber {
  /** Batches that this flush still has for it; the flush's own. */
  pendingBatches: number;
  /** Writes encoded frames as they are. May not call back into the node. */
  write(frames: Buffer): void;
  /** Holds writes back until `release`. */
  gather(): void;
  /** Writes what was held back, if anything was. */
  release(): void;
}

export class Topic {
  readonly name: string;
  readonly subscribers = new Set<Subscriber>();
  /** Frames of this tick, ready to be written. */
  batch: Buffer | undefined;
  used = 0;
  /** Whether it stands in the list of the next flush. */
  queued = false;
  /** Bytes of the last batch: a good guess for the next. */
  #lastUsed = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(payload: Buffer): void {
    const needed = this.used + headerBytes(payload.length) + payload.length;
    if (this.batch === undefined || this.batch.length < needed) this.#grow(needed);
    if (this.batch === undefined) return;
    payload.copy(this.batch, writeTextHeader(this.batch, this.used, payload.length));
    this.used = needed;
  }

  /** Takes the batch: what is published from now on begins another. */
  take(): Buffer | undefined {
    const frames = this.batch?.subarray(0, this.used);
    this.#lastUsed = this.used;
    this.batch = undefined;
    this.used = 0;
    return frames;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.used * 2, this.#lastUsed, MIN_BATCH_BYTES));
    this.batch?.copy(grown, 0, 0, this.used);
    this.batch = grown;
  }
}

export class Topics {
  readonly #topics = new Map<string, Topic>();
  /** Topics with a batch, in the order of their first frame; some may have been flushed alone since. */
  #dirty: Topic[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  publish(name: string, payload: Buffer): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.add(payload);
    if (!topic.queued) {
      topic.queued = true;
      this.#dirty.push(topic);
    }
    if (topic.used > MAX_BATCH_BYTES) this.flushTopic(topic);
    else this.#scheduled ??= soon(() => this.flush());
  }

  /** Adds a subscriber: what was published before does not reach it. */
  subscribe(name: string, subscriber: Subscriber): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new Topic(name);
      this.#topics.set(name, topic);
    }
    if (!topic.subscribers.has(subscriber)) {
      this.flushTopic(topic);
      topic.subscribers.add(subscriber);
    }
    return topic;
  }

  unsubscribe(topic: Topic, subscriber: Subscriber): void {
    topic.subscribers.delete(subscriber);
    if (topic.subscribers.size === 0 && this.#topics.get(topic.name) === topic) this.#topics.delete(topic.name);
  }

  flushTopic(topic: Topic): void {
    const frames = topic.used === 0 ? undefined : topic.take();
    if (frames === undefined) return;
    for (const subscriber of topic.subscribers) subscriber.write(frames);
  }

  /** Writes every batch. A socket that gets several gets them in one system call. */
  flush(): void {
    this.#clear();
    const dirty = this.#dirty;
    this.#dirty = [];
    if (dirty.length > 1) countBatches(dirty);
    for (const topic of dirty) {
      topic.queued = false;
      const frames = topic.used === 0 ? undefined : topic.take();
      if (frames !== undefined) writeBatch(topic, frames);
    }
  }

  close(): void {
    this.#clear();
    this.#dirty = [];
    this.#topics.clear();
  }

  #clear(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }
}

function countBatches(topics: readonly Topic[]): void {
  for (const topic of topics) {
    if (topic.used === 0) continue;
    for (const subscriber of topic.subscribers) subscriber.pendingBatches++;
  }
}

function writeBatch(topic: Topic, frames: Buffer): void {
  for (const subscriber of topic.subscribers) {
    if (subscriber.pendingBatches > 1) subscriber.gather();
    subscriber.write(frames);
    if (subscriber.pendingBatches > 0 && --subscriber.pendingBatches === 0) subscriber.release();
  }
}
