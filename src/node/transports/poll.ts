// `POST /v1/poll`: long and short polls, without a session between them.

import type { BrokerStatus } from '../../broker/broker.js';
import { FanfareError } from '../../lib/errors.js';
import { decodePollRequest, type PollRequest } from '../../protocol/index.js';
import type { Channels } from '../channels/channels.js';
import type { HttpClient } from '../clients/http-clients.js';
import type { Lifecycle } from '../lifecycle.js';
import type { HttpCall } from './call.js';
import type { Entrant, Entry, EntryRules } from './entry.js';
import { PollMoves } from './poll-moves.js';
import { type PollParts, PollTask } from './poll-task.js';
import { WaitingRoom } from './poll-wait.js';
import { PollWriter } from './poll-write.js';

export interface PollDoorParts {
  readonly entry: Entry;
  readonly channels: Channels;
  readonly brokerStatus: () => BrokerStatus;
  readonly channelsPerConnection: number;
  /** Whether clients are to go to other nodes. */
  readonly lifecycle: Pick<Lifecycle, 'isMoving'>;
}

/** Owns every poll that waits. */
export class PollDoor {
  /** Polls that were let in. */
  polls = 0;
  readonly #entry: Entry;
  readonly #channelsPerConnection: number;
  readonly #room = new WaitingRoom();
  readonly #moves = new PollMoves();
  readonly #lifecycle: PollDoorParts['lifecycle'];
  readonly #task: PollParts;
  readonly #rules: EntryRules<PollRequest>;

  constructor({ entry, channels, brokerStatus, channelsPerConnection, lifecycle }: PollDoorParts) {
    this.#entry = entry;
    this.#channelsPerConnection = channelsPerConnection;
    this.#lifecycle = lifecycle;
    this.#task = { channels, brokerStatus, room: this.#room, writer: new PollWriter(), lifecycle };
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

  /** Messages that polls were answered with. */
  get delivered(): number {
    return this.#task.writer.delivered;
  }

  handle(call: HttpCall): void {
    this.#entry.enter(call, this.#rules, this.#begin);
  }

  /** Ends every wait, `204` with `Fanfare-Move: 1`; resolves when all who poll have been told, or after `withinMs`. */
  async moveAll(withinMs: number): Promise<void> {
    this.#room.moveAll();
    await this.#moves.wait(withinMs);
  }

  close(): void {
    this.#moves.close();
    this.#room.close();
  }

  readonly #begin = ({ call, identity, request, client }: Entrant<PollRequest>): void => {
    this.polls++;
    if (this.#lifecycle.isMoving) this.#moves.told(client);
    else this.#moves.saw(client, request.waitMs);
    new PollTask(this.#task, call, identity, request, client).start();
  };

  /** A tenth of a unit per channel; nothing where it goes on with what had more. */
  #price(request: PollRequest, client: HttpClient): number {
    if (request.channels.size > this.#channelsPerConnection) {
      throw new FanfareError('too_many_channels', `a poll has at most ${this.#channelsPerConnection} channels`);
    }
    const { more } = client;
    client.more = undefined;
    if (more !== undefined && request.channels.get(more.channel) === more.offset) return 0;
    return request.channels.size / 10;
  }
}
