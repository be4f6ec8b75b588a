// `POST /v1/poll`: long and short polls, without a session between them.

import type { BrokerStatus } from '../../broker/broker.js';
import { FanfareError } from '../../lib/errors.js';
import { decodePollRequest, type PollRequest } from '../../protocol/index.js';
import type { Channels } from '../channels/channels.js';
import type { HttpClient } from '../clients/http-clients.js';
import type { HttpCall } from './call.js';
import type { Entry, EntryRules } from './entry.js';
import { PollTask } from './poll-task.js';
import { WaitingRoom } from './poll-wait.js';
import { PollWriter } from './poll-write.js';

export interface PollDoorParts {
  readonly entry: Entry;
  readonly channels: Channels;
  readonly brokerStatus: () => BrokerStatus;
  readonly channelsPerConnection: number;
}

/** Owns every poll that waits. */
export class PollDoor {
  /** Polls that were let in. */
  polls = 0;
  readonly #parts: PollDoorParts;
  readonly #room = new WaitingRoom();
  readonly #writer = new PollWriter();
  readonly #rules: EntryRules<PollRequest>;

  constructor(parts: PollDoorParts) {
    this.#parts = parts;
    this.#rules = {
      limit: 'reads',
      unit: 0,
      decode: decodePollRequest,
      reads: (request) => request.channels.keys(),
      price: (request, client) => this.#price(request, client),
      takesRoom: false,
      claims: true,
    };
  }

  get waiting(): number {
    return this.#room.size;
  }

  handle(call: HttpCall): void {
    const { entry, channels, brokerStatus } = this.#parts;
    entry.enter(call, this.#rules, ({ identity, request, client }) => {
      this.polls++;
      const parts = { channels, brokerStatus, room: this.#room, writer: this.#writer };
      new PollTask(parts, call, identity, request, client).start();
    });
  }

  /** Ends every wait: `204` with `Fanfare-Move: 1`. */
  moveAll(): void {
    this.#room.moveAll();
  }

  close(): void {
    this.#room.close();
  }

  /** A tenth of a unit per channel; nothing where it goes on with what had more. */
  #price(request: PollRequest, client: HttpClient): number {
    const { channelsPerConnection } = this.#parts;
    if (request.channels.size > channelsPerConnection) {
      throw new FanfareError('too_many_channels', `a poll has at most ${channelsPerConnection} channels`);
    }
    const { more } = client;
    client.more = undefined;
    if (more !== undefined && request.channels.get(more.channel) === more.offset) return 0;
    return request.channels.size / 10;
  }
}
