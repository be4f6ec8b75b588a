// `POST /v1/poll`: long and short polls, without a session between them.

import type { BrokerStatus } from '../../broker/broker.js';
import type { Ending } from '../../cluster/revocation-ending.js';
import type { SubjectLimit } from '../../limits/subject-limit.js';
import { type Begin, decodePollRequest, NOW, type PollRequest } from '../../protocol/index.js';
import type { Channels } from '../channels/channels.js';
import type { FollowUps, HttpClients } from '../clients/http-clients.js';
import type { Lifecycle } from '../lifecycle.js';
import type { HttpCall } from './call.js';
import { type Entrant, type Entry, type EntryRules, priceOf } from './entry.js';
import { rememberingDecoder } from './poll-bodies.js';
import { PollMoves } from './poll-moves.js';
import type { PollPlaces } from './poll-places.js';
import { type PollManner, type PollParts, PollTask } from './poll-task.js';
import { WaitingRoom } from './poll-wait.js';
import { type PollPart, PollWriter } from './poll-write.js';

export interface PollDoorParts {
  readonly entry: Entry;
  /** What answers are charged to. */
  readonly limit: Pick<SubjectLimit, 'charge'>;
  /** What those are charged to that name positions which are not good. */
  readonly openings: Pick<SubjectLimit, 'charge'>;
  readonly clients: HttpClients;
  readonly channels: Channels;
  /** Where those that wait are counted. */
  readonly places: PollPlaces;
  readonly brokerStatus: () => BrokerStatus;
  readonly channelsPerConnection: number;
  /** Whether clients are to go to other nodes. */
  readonly lifecycle: Pick<Lifecycle, 'isMoving'>;
  readonly door: PollParts['door'];
  /** What a poll gets that asks for a pace. */
  readonly feeds: PollParts['feeds'];
}

/** A short poll after `-1` needs no position where nothing is; what a long poll asks for is opened by its wait. */
const MANNER: PollManner = { replaces: true, opens: false, hearsLive: true, saysTail: false };

/** Owns every poll that waits. */
export class PollDoor {
  /** For polls of other kinds, which wait in the same room. */
  readonly shared: Omit<PollParts, 'manner' | 'writer'>;
  /** Polls that were let in. */
  polls = 0;
  readonly #entry: Entry;
  readonly #clients: HttpClients;
  readonly #room = new WaitingRoom();
  readonly #moves = new PollMoves();
  readonly #lifecycle: PollDoorParts['lifecycle'];
  readonly #task: PollParts<PollPart>;
  readonly #rules: EntryRules<PollRequest>;

  constructor({
    entry,
    limit,
    openings,
    clients,
    channels,
    places,
    brokerStatus,
    channelsPerConnection,
    lifecycle,
    door,
    feeds,
  }: PollDoorParts) {
    this.#entry = entry;
    this.#clients = clients;
    this.#lifecycle = lifecycle;
    const counts = { delivered: 0 };
    this.shared = { limit, openings, channels, brokerStatus, places, room: this.#room, lifecycle, door, feeds, counts };
    this.#task = { ...this.shared, manner: MANNER, writer: new PollWriter() };
    this.#rules = {
      limit: 'polls',
      takeOwed: (client) => {
        const { more } = client;
        client.more = undefined;
        return more;
      },
      source: 'body',
      decode: rememberingDecoder(decodePollRequest),
      reads: (request) => request.channels.keys(),
      price: ({ channels: asked }, owed) => (isOwed(asked, owed) ? 0 : priceOf(asked, channelsPerConnection)),
      // What a short poll reads from where it was is not opened by that.
      opens: ({ waitMs, channels: asked }, name) => waitMs > 0 || opensAt(asked.get(name)),
      takesRoom: false,
      holds: false,
    };
  }

  get waiting(): number {
    return this.#room.size;
  }

  /** Messages that polls were answered with. */
  get delivered(): number {
    return this.shared.counts.delivered;
  }

  handle(call: HttpCall): void {
    this.#entry.enter(call, this.#rules, this.#begin);
  }

  /** Ends every wait, `204` with `Fanfare-Move: 1`; resolves when all who poll have been told, or after `withinMs`. */
  async moveAll(withinMs: number): Promise<void> {
    this.#room.moveAll();
    await this.#moves.wait(withinMs);
  }

  /** Ends the waits of those whom `ending` names. */
  end(ending: Ending): void {
    this.#room.end(ending);
  }

  close(): void {
    this.#moves.close();
    this.#room.close();
  }

  readonly #begin = (entrant: Entrant<PollRequest>): void => {
    const { call, request, client } = entrant;
    this.polls++;
    this.#clients.polls(client);
    if (this.#lifecycle.isMoving) this.#moves.told(client);
    else this.#moves.saw(client, request.waitMs);
    new PollTask(this.#task, call, entrant).start();
  };
}

/** Whether a position is given to who asks for this one. */
function opensAt(begin: Begin | undefined): boolean {
  return begin === NOW || typeof begin !== 'string';
}

/** Whether a poll goes on where the last answer left off with more, and names nothing else. */
function isOwed(asked: PollRequest['channels'], owed: FollowUps | undefined): boolean {
  if (owed === undefined) return false;
  for (const [name, after] of asked) if (owed.get(name) !== after) return false;
  return true;
}
