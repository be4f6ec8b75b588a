// A channel that is wanted at a Redis Cluster: at the master of its slot.

import { Subscription } from './bus-subscription.js';
import type { RedisShard } from './shard.js';

export class Sharded extends Subscription {
  readonly slot: number;
  /** Where it was sent. */
  shard: RedisShard | undefined;
  /** Whether it has stood before: then standing again is told. */
  stood = false;
  tries = 0;

  constructor(channel: string, busName: string, hasLive: boolean, slot: number) {
    super(channel, busName, hasLive);
    this.slot = slot;
  }
}
