// The bodies of HTTP requests and responses.

import type { Code } from './codes.js';
import type { GapReason, Json, Sender } from './messages.js';
import type { Feature, Transport } from './names.js';
import type { After, Begin, Offset } from './offset.js';

/** `POST /v1/connect`, decoded. */
export interface ConnectRequest {
  /** Ids of nodes to avoid; a hint. */
  readonly exclude: readonly string[];
  /** Transports that the client can use; all of them when it did not say. */
  readonly transports: readonly Transport[];
  /** A secret by which a client is known again: see {@link TicketRequest}. */
  readonly session?: string;
}
/** `POST /v1/ticket`, decoded. */
export interface TicketRequest {
  /** A secret of the client's, 22 to 64 of `A-Za-z0-9_-`: ids made from it survive a renewal and a reconnect. */
  readonly session?: string;
}
export interface NodeAddress {
  readonly id: string;
  /** `http(s)://` base; the WebSocket URL follows from it. */
  readonly url: string;
  /** Optional parts of the protocol that it serves; there may be names that this release does not know. */
  readonly features: readonly string[];
}
/** `200` of `POST /v1/connect`. */
export interface ConnectResponse extends TicketResponse {
  readonly node: NodeAddress;
  /** Other nodes, shuffled, for when discovery cannot be reached. */
  readonly alternatives: readonly NodeAddress[];
  readonly transports: readonly Transport[];
  /** Where what is public may be read by GET: a cache before the nodes. */
  readonly cache?: CacheAddress;
}
export interface CacheAddress {
  /** An `http(s)://` base without a trailing slash. */
  readonly url: string;
  /** Namespaces whose channels it serves. */
  readonly namespaces: readonly string[];
}
/** `200` of `POST /v1/ticket`. */
export interface TicketResponse {
  readonly ticket: string;
  readonly expiresInMs: number;
  /** What the ids of all links of this ticket begin with; of what is published by HTTP the whole `from.connection`. */
  readonly connection: string;
  readonly user: string | null;
}

/** `POST /v1/revocations`, decoded: one of `jti`, `sub` and `issuedBefore`. */
export interface RevocationRequest {
  readonly jti?: string;
  readonly sub?: string;
  /** With `sub`: whatever its tokens were issued at. */
  readonly ban?: true;
  /** Unix seconds. */
  readonly issuedBefore?: number;
  readonly reason?: string;
  /** Default: the longest life of a token. */
  readonly expiresInMs?: number;
}
/** `201` of it; with `pending`, members in which it is not in force yet, it is a `202`. */
export interface RevocationResponse {
  readonly id: string;
  readonly revision: number;
  readonly pending?: readonly string[];
}
/** One of `GET /v1/revocations`; times are Unix seconds. */
export interface ListedRevocation {
  readonly id: string;
  readonly jti?: string;
  readonly sub?: string;
  readonly ban?: true;
  readonly issuedBefore?: number;
  readonly reason?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}
/** `200` of `GET /v1/revocations`. */
export interface RevocationsResponse {
  readonly revocations: readonly ListedRevocation[];
  /** Asked for with `after`, there are more. */
  readonly next?: string;
}

/** `POST /v1/poll`, decoded. */
export interface PollRequest {
  readonly channels: ReadonlyMap<string, Begin>;
  /** Channel name → `maxPerSecond`, of those that have one. */
  readonly paces?: ReadonlyMap<string, number>;
  /** 0 is a short poll. */
  readonly waitMs: number;
  /** As many bytes of messages as the answer is to have, about; but one message of each channel at least. */
  readonly maxBytes: number;
}
/** `POST /v1/stream`, decoded. */
export interface StreamRequest {
  readonly channels: ReadonlyMap<string, Begin>;
  /** Channel name → `maxPerSecond`, of those that have one. */
  readonly paces?: ReadonlyMap<string, number>;
  readonly features: readonly Feature[];
  /** What it asks for instead of the node's; only with the feature `quiet`. */
  readonly heartbeatMs?: number;
}
/** `GET /v1/channels/{channel}`, decoded. */
export interface ChannelRead {
  readonly channel: string;
  readonly begin: Begin;
  /** Absent: what there is now, at once. */
  readonly live: 'long-poll' | 'sse' | undefined;
  /** Of the last live answer. */
  readonly cursor: number | undefined;
  /** `data` alone of each message, or messages as a {@link ChannelMessageBody}. */
  readonly format: 'data' | 'messages';
}
/** What `format=messages` answers an array of. */
export interface ChannelMessageBody {
  readonly offset: Offset;
  /** Unix milliseconds, by the broker's clock. */
  readonly time: number;
  readonly data: Json;
  readonly from?: Sender;
}
export interface PolledMessage {
  /** Absent on live-only messages. */
  readonly offset?: Offset;
  readonly data: Json;
  readonly from?: Sender;
  /** As in a `message`. */
  readonly skipped?: number;
}
export interface PolledGap {
  readonly after: After;
  readonly offset: Offset;
  readonly reason: GapReason;
}
export interface PolledChannel {
  /** The client's position after this answer. */
  readonly offset: Offset;
  readonly messages: readonly PolledMessage[];
  /** Came before the messages. */
  readonly gap?: PolledGap;
  /** More is waiting: poll again at once. */
  readonly more?: true;
}
/** `200` of `POST /v1/poll`. */
export interface PollResponse {
  readonly channels: { readonly [channel: string]: PolledChannel };
}

/** One message that is to be published. */
export interface PublishItem {
  readonly channel: string;
  /** The text of `data` as it was written: numbers travel on byte for byte. */
  readonly json: string;
  readonly key?: string;
  /** Whoever listens now has it, and nobody keeps it. */
  readonly history?: false;
}
/** `POST /v1/publish`, decoded. */
export interface PublishRequest {
  readonly items: readonly PublishItem[];
  /** Whether each is answered for itself: it named `channels` or `messages`. */
  readonly isBatch: boolean;
  /** Replicas that must have each before it is acknowledged. */
  readonly waitReplicas?: number;
}
/** `200` of `POST /v1/publish`, and what one of several that succeeded is answered with. */
export interface PublishResponse {
  readonly channel: string;
  /** Absent where nothing was kept. */
  readonly offset?: Offset;
  /** Its key was used before with the same data: this is the offset of the first. */
  readonly duplicate?: true;
}
/** What one of several is answered with that failed. */
export interface PublishFailure extends Pick<Problem, 'code' | 'retryAfterMs' | 'outcome'> {
  readonly channel: string;
  readonly message: string;
}
/** `200` and `207` of `POST /v1/publish` with several messages; in the request's order. */
export interface PublishResults {
  readonly results: readonly (PublishResponse | PublishFailure)[];
}

/** RFC 9457 body of every HTTP error. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: Code;
  readonly detail: string;
  readonly retryAfterMs?: number;
  /** The channels that the problem is about. */
  readonly channels?: readonly string[];
  /** `unknown`: the publish may or may not have been stored. */
  readonly outcome?: 'unknown';
  /** What a read of a channel cannot have any more, and where to go on. */
  readonly gap?: PolledGap;
  readonly requestId?: string;
}
