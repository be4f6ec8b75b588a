// The messages of a WebSocket and a stream, as unions by direction.

import type { Code } from './codes.js';
import type { Feature } from './names.js';
import type { After, Begin, Offset } from './offset.js';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Who published, stamped by the node on what a client published; absent on what a backend published. */
export interface Sender {
  /** Of the link, or of its session alone where it came by HTTP: what stands before the dot is one client's. */
  readonly connection: string;
  /** The token's `sub`; `null` for an anonymous client. */
  readonly user: string | null;
}

/** Someone present in a channel. */
export interface Member {
  readonly connection: string;
  readonly user: string | null;
  readonly info?: Json;
}

/** Why a `gap` was sent. Clients ignore reasons they do not know. */
export type GapReason = 'trimmed' | 'expired' | 'lost' | 'rewritten' | 'unknown' | 'conflated';

// client → node

export interface ConnectCommand {
  readonly type: 'connect';
  readonly id: number;
  readonly version: number;
  /** A ticket; a user token where the node allows it; absent for an anonymous client. */
  readonly token?: string;
  /** Those of the asked for that this release knows. */
  readonly features: readonly Feature[];
}
export interface SubscribeCommand {
  readonly type: 'subscribe';
  readonly id: number;
  /** Channel name → where to begin. */
  readonly channels: ReadonlyMap<string, Begin>;
  /** Channel name → `maxPerSecond`, of those that have one. */
  readonly paces?: ReadonlyMap<string, number>;
}
export interface UnsubscribeCommand {
  readonly type: 'unsubscribe';
  readonly id: number;
  readonly channels: readonly string[];
}
export interface PublishCommand {
  readonly type: 'publish';
  readonly id: number;
  readonly channel: string;
  /** The text of `data` as it was written: numbers travel on byte for byte. */
  readonly json: string;
  readonly key?: string;
  /** Replicas that must have it before it is acknowledged. */
  readonly waitReplicas?: number;
  /** Whoever listens now has it, and nobody keeps it. */
  readonly history?: false;
}
export interface PresenceCommand {
  readonly type: 'presence';
  readonly id: number;
  readonly channel: string;
}
export interface RefreshCommand {
  readonly type: 'refresh';
  readonly id: number;
  readonly token: string;
}
/** Asks for a sign of life. */
export interface PingCommand {
  readonly type: 'ping';
  readonly id: number;
}
/** Asks for another heartbeat on this link. */
export interface QuietCommand {
  readonly type: 'quiet';
  readonly id: number;
  readonly heartbeatMs: number;
}

/** What a client sends, decoded. */
export type ClientCommand =
  | ConnectCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | PublishCommand
  | PresenceCommand
  | RefreshCommand
  | PingCommand
  | QuietCommand;

export const COMMAND_TYPES = [
  'connect',
  'subscribe',
  'unsubscribe',
  'publish',
  'presence',
  'refresh',
  'ping',
  'quiet',
] as const;

// node → client, in reply

/** The limits that `connected` announces. */
export interface AnnouncedLimits {
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  readonly channelsPerConnection: number;
}
export interface ConnectedEvent {
  readonly type: 'connected';
  readonly id?: number;
  readonly connection: string;
  readonly node: string;
  readonly user: string | null;
  /** Time until the ticket expires; absent when it does not. */
  readonly expiresInMs?: number;
  readonly heartbeatMs: number;
  readonly limits: AnnouncedLimits;
  /** Those granted; absent when none is. */
  readonly features?: readonly Feature[];
}
export interface SubscribedEvent {
  readonly type: 'subscribed';
  readonly id?: number;
  readonly channel: string;
  /** The position before the first message that follows. */
  readonly offset: Offset;
  /** Whether every message after the position that was asked for follows. */
  readonly recovered: boolean;
}
export interface UnsubscribedEvent {
  readonly type: 'unsubscribed';
  readonly id?: number;
  readonly channel: string;
  /** Present when the node ended the subscription. */
  readonly code?: Code;
}
export interface PublishedEvent {
  readonly type: 'published';
  readonly id: number;
  readonly channel: string;
  /** Absent where nothing was kept. */
  readonly offset?: Offset;
  /** Its key was used before with the same data: this is the offset of the first. */
  readonly duplicate?: true;
}
export interface PresenceEvent {
  readonly type: 'presence';
  readonly id: number;
  readonly channel: string;
  readonly count: number;
  readonly members: readonly Member[];
  readonly more: boolean;
}
export interface RefreshedEvent {
  readonly type: 'refreshed';
  readonly id: number;
  readonly expiresInMs?: number;
}
export interface PongEvent {
  readonly type: 'pong';
  readonly id: number;
}
export interface QuietedEvent {
  readonly type: 'quieted';
  readonly id: number;
  readonly heartbeatMs: number;
}

// node → client, unasked

export interface MessageEvent {
  readonly type: 'message';
  readonly channel: string;
  /** Absent on live-only messages. */
  readonly offset?: Offset;
  readonly data: Json;
  readonly from?: Sender;
  /** Messages directly before it that were left out, because newer ones replaced them. */
  readonly skipped?: number;
}
export interface GapEvent {
  readonly type: 'gap';
  readonly channel: string;
  /** The position that the client was at. */
  readonly after: After;
  /** The position from which delivery goes on, even if it sorts lower. */
  readonly offset: Offset;
  readonly reason: GapReason;
}
export interface MemberEvent {
  readonly type: 'join' | 'leave';
  readonly channel: string;
  readonly member: Member;
}
export interface MoveEvent {
  readonly type: 'move';
  readonly withinMs: number;
  readonly reason: string;
}
export interface HeartbeatEvent {
  readonly type: 'heartbeat';
}
export interface ErrorEvent {
  readonly type: 'error';
  readonly id?: number;
  readonly channel?: string;
  readonly code: Code;
  readonly message: string;
  readonly retryAfterMs?: number;
}
/** Only on streams, as the last event. */
export interface CloseEvent {
  readonly type: 'close';
  /** A WebSocket close code. */
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** What a node sends. */
export type ServerEvent =
  | ConnectedEvent
  | SubscribedEvent
  | UnsubscribedEvent
  | PublishedEvent
  | PresenceEvent
  | RefreshedEvent
  | PongEvent
  | QuietedEvent
  | MessageEvent
  | GapEvent
  | MemberEvent
  | MoveEvent
  | HeartbeatEvent
  | ErrorEvent
  | CloseEvent;
