// The seam between a connection and its transports.

import type { After, AnnouncedLimits, Begin, ServerEvent, Transport } from '../src/protocol/index.js';
import type { Failure } from './errors.js';
import type { Given } from './session.js';
import type { Settings } from './settings.js';

/** A wanted channel, and where its next message comes after. Subscribing anew makes another object. */
export interface Wanted {
  readonly name: string;
  readonly position: Begin;
  /** Absent: everything, at once. */
  readonly maxPerSecond?: number | undefined;
}

/** As a node is told of it. */
export type Place =
  | Begin
  | { readonly after?: After; readonly last?: number; readonly maxPerSecond?: number | undefined };

/** Where it stands, and how fast it goes on, in the words of the protocol. */
export const placeOf = ({ position, maxPerSecond }: Wanted): Place =>
  maxPerSecond ? { ...(typeof position === 'object' ? position : { after: position }), maxPerSecond } : position;

export const placesOf = (channels: readonly Wanted[]): Readonly<Record<string, Place>> =>
  Object.fromEntries(channels.map((channel) => [channel.name, placeOf(channel)]));

/** One way to a node by which channels are delivered. A later one takes over from an earlier one, never the other way round. */
export interface Source {
  readonly order: number;
  /** When it was opened: it brings no live-only message that came before. */
  readonly sinceMs: number;
}

/** A request that waits for its answer. */
export interface Outgoing {
  /** Of the command, and the path's last part. */
  readonly type: 'publish';
  /** The request's body, a copy, so that repeating it repeats the same bytes. */
  readonly body: object;
  /** Its answer: an offset, or a failure; it is repeated later where that can help. */
  done(failure: Failure | undefined, offset?: string): void;
}

/** One open way to a node. Its methods are called in any order and any number of times; after `close` it is silent. */
export interface Link {
  /** The wanted channels have changed. */
  sync(): void;
  /** Only after it has connected. Returns whether it took it: not while it has as many as it can have on their way. */
  publish(outgoing: Outgoing): boolean;
  /** There is a fresh ticket. */
  refresh(): void;
  /** Has the node give a sign of life: whatever comes is one. */
  probe(): void;
  /** The page has been hidden or is seen again: the node is to be as quiet as that allows. */
  quiet(): void;
  /** `failure` tells why, unless it is no longer needed. */
  close(failure?: Failure): void;
}

/** What a transport is handed. It calls back only after it has returned its link. */
export interface LinkHost extends Settings {
  /** Base of the node. */
  readonly url: string;
  /** Of the link's sources: from this on, and below that and one. */
  readonly order: number;
  /** What discovery gave; the ticket changes. */
  readonly session: Given;
  readonly channels: ReadonlyMap<string, Wanted>;
  /** It works; longer silence than `heartbeatMs` from now on is doubtful. Also when that changes. */
  connected(transport: Transport, heartbeatMs: number, limits?: AnnouncedLimits): void;
  /** Something came from the node, whatever it was. */
  touch(): void;
  /** An event for a channel, or `move`. Returns whether the channel has to be asked for again, from its position. */
  receive(event: ServerEvent, source: Source): boolean | undefined;
  /** The node refuses a channel that it was asked for, for good or for now; it may be wanted no more. */
  refuse(channel: Wanted, failure: Failure): void;
  /** Something failed that is tried again. */
  failed(failure: Failure): void;
  /** The link is gone. */
  lost(failure: Failure): void;
}

/** Opens a link. */
export type OpenLink = (host: LinkHost) => Link;

/** What has to be said so that the node is asked for what is wanted: channels that are wanted no more, and those that are new. */
export const diff = (
  asked: Iterable<Wanted>,
  wanted: ReadonlyMap<string, Wanted>,
): { readonly gone: readonly Wanted[]; readonly fresh: readonly Wanted[] } => {
  const fresh = new Set(wanted.values());
  return { gone: [...asked].filter((channel) => !fresh.delete(channel)), fresh: [...fresh] };
};
