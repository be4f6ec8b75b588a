// What a fuzz run sends: one thing on one road, as data, so that it can be kept in the corpus and sent again.

/** Bytes as text, each character one of them; where `$TOKEN` stands, a good token is sent. */
export type Bytes = string;

/** Bytes on a TCP connection, a pause between segments. */
export interface TcpInput {
  readonly road: 'tcp';
  readonly segments: readonly Bytes[];
  readonly end: End;
}

/** Frames behind a handshake and, where `connects`, a good `connect`. */
export interface SocketInput {
  readonly road: 'socket';
  readonly connects: boolean;
  readonly frames: readonly FrameInput[];
  readonly end: End;
}

export interface FrameInput {
  readonly payload: Bytes;
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
}

/** A payload on the bus, as whoever may publish there may send it. */
export interface BusInput {
  readonly road: 'bus';
  readonly channel: string;
  /** Whether it goes where only live-only messages may. */
  readonly live?: boolean;
  readonly payload: Bytes;
}

/** An entry of a channel's log, the queue, or a record of the registry, written past the function library. */
export interface EntryInput {
  readonly road: 'log' | 'queue' | 'registry';
  /** Of the log its channel, of the registry the node's id. */
  readonly name: string;
  readonly fields: readonly Bytes[];
}

/** A key of ours that holds no message, made one of another type, or given fields that are none. */
export interface KeyInput {
  readonly road: 'key';
  /** Behind the prefix. */
  readonly name: string;
  readonly kind: 'string' | 'list' | 'hash' | 'zset';
  readonly fields: readonly Bytes[];
}

export type End = 'fin' | 'reset' | 'stay';
export type Input = TcpInput | SocketInput | BusInput | EntryInput | KeyInput;

export const TOKEN = '$TOKEN';
