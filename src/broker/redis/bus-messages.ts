// What a payload of the bus is: a logged message, a live-only one, or something that nobody can use.

import type { Offset } from '../../protocol/index.js';
import type { BrokerListener } from '../broker.js';
import { decodeEnvelope, decodeErasure, isEnvelope } from '../envelope.js';
import { normalise } from '../payload.js';

/** Chosen: mark, offsets and the longest sender. */
const MAX_HEAD_BYTES = 2_048;

export interface BusClock {
  isAhead(offset: Offset, previous: Offset): boolean;
}

/** Envelopes count only where nobody may publish who may not write the log, and as far as Redis' clock has come. */
export class BusMessages {
  readonly #maxMessageBytes: number;
  readonly #clock: BusClock;

  constructor(maxMessageBytes: number, clock: BusClock) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#clock = clock;
  }

  /** `live`: it came on the channel of live-only messages. Everything here is on the hot path. */
  hand(channel: string, payload: Buffer, live: boolean, listener: BrokerListener): void {
    if (!isEnvelope(payload)) return this.#handLive(channel, payload, listener);
    if (live) return listener.damaged(channel, 'an envelope on the channel of live-only messages', 'live');
    const begin = decodeErasure(payload);
    if (begin !== undefined) return listener.erased?.(channel, begin);
    // An envelope's head and sender are small: this bounds the work, the data's own size was checked by the function.
    if (payload.length > this.#maxMessageBytes + MAX_HEAD_BYTES) {
      return listener.damaged(channel, 'an envelope is over the limit', 'envelope');
    }
    const message = decodeEnvelope(payload, this.#maxMessageBytes);
    if (typeof message === 'string') return listener.damaged(channel, message, 'envelope');
    const { offset = '', previous = '' } = message;
    if (this.#clock.isAhead(offset, previous)) {
      return listener.damaged(channel, "the offset of an envelope lies ahead of Redis' clock", 'future');
    }
    listener.message(channel, message);
  }

  #handLive(channel: string, payload: Buffer, listener: BrokerListener): void {
    if (payload.length > this.#maxMessageBytes) {
      return listener.damaged(channel, 'a live-only message is over the limit', 'live');
    }
    const data = normalise(payload, this.#maxMessageBytes);
    listener.message(channel, { offset: undefined, previous: undefined, data, from: undefined });
  }
}
