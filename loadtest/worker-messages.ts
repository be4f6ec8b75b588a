// What a run's main process and its worker processes say to each other.

import type { Transport } from '../src/protocol/index.js';
import type { Dialect } from './clients/link.js';
import type { Numbered } from './numbers.js';

/** Which clients: those with the numbers from `first` on. */
interface Share {
  readonly host: string;
  readonly port: number;
  /** Number of the first client; numbers are unique in a run. */
  readonly first: number;
  readonly count: number;
  /** The channel to subscribe to; `%` stands for the client's number. */
  readonly channel: string;
  /** Absent: as many as clients. Otherwise client `n` has the number `n % channels` there. */
  readonly channels?: number;
  /** So many channels for each client, whose names are `channel`, a colon and a number from 0 on; absent: `channel` alone. */
  readonly channelsEach?: number;
  /** Subscribed to from these positions instead, with `%` as in `channel`. */
  readonly positions?: Readonly<Record<string, string>>;
  /** Signs the users' tokens, which discovery exchanges for tickets; absent: the server is the bare one, which takes neither. */
  readonly secret?: string;
}

/** Gets the clients' tickets, so that opening them later takes nothing but the opening; answered by `prepared`, or by `failed`. */
export interface PrepareCommand extends Share {
  readonly do: 'prepare';
}

/** Opens clients, with the tickets that they have or get before the clock starts; answered by `opened`, or by `failed`. */
export interface OpenCommand extends Share {
  readonly do: 'open';
  readonly transport: Transport;
  /** How many may be between connecting and subscribed at a time. */
  readonly atOnce: number;
  /** Pause between short polls. */
  readonly pollEveryMs: number;
  /** Each asks for the messages of one tick in one frame; of a Fanfare's WebSockets. */
  readonly joins?: boolean;
  /** Each goes to the node that its ticket names; absent: all to `host` and `port`, whose discovery makes the tickets. */
  readonly follows?: boolean;
  /** In turn they never read, stop after a second, or read a little each second. */
  readonly readBadly?: boolean;
  /** Absent: that of Fanfare, or of the bare server where there is no secret. */
  readonly dialect?: Dialect;
}

/** Begins a window: counters at zero, numbers from `first` on; answered by `reset`. */
export interface ResetCommand {
  readonly do: 'reset';
  readonly first: number;
  /** A `progress` is sent each time that so many deliveries have come. */
  readonly reportEvery: number;
  /** Whether the time in each payload is read and recorded. */
  readonly latency: boolean;
}

/** Answered by `report`. */
export interface ReportCommand {
  readonly do: 'report';
  /** What was published since the reset. */
  readonly window: Numbered;
}

/** Closes every client and forgets what it received, but not its ticket; answered by `released`. */
export interface ReleaseCommand {
  readonly do: 'release';
}

export type WorkerCommand = PrepareCommand | OpenCommand | ResetCommand | ReportCommand | ReleaseCommand;

/** What the clients of one worker received since the last reset. */
export interface TallyReport {
  readonly clients: number;
  readonly deliveries: number;
  /** Numbers that a client was to get and did not. */
  readonly lost: number;
  /** Deliveries that a client had before, or that were published before the window. */
  readonly repeated: number;
  /** Deliveries that came after a later one. */
  readonly disordered: number;
  readonly bytesIn: number;
  /** Polls that were answered. */
  readonly polls: number;
  /** Events that were neither a message nor a heartbeat, and the first of them. */
  readonly surprises: number;
  readonly surprise: string;
  /** Latencies in microseconds, as a compressed HDR histogram in base64; empty when none was recorded. */
  readonly histogram: string;
}

export interface WorkerReport extends TallyReport {
  readonly is: 'report';
  /** Clients whose link has ended. */
  readonly ended: number;
  readonly bytesOut: number;
  /** How late the worker's event loop was, at the 99th percentile and at the worst. */
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

export type WorkerAnswer =
  | { readonly is: 'prepared' }
  | { readonly is: 'opened'; readonly tookMs: number }
  | { readonly is: 'reset' }
  | { readonly is: 'released' }
  | { readonly is: 'progress'; readonly deliveries: number }
  | { readonly is: 'failed'; readonly reason: string }
  | WorkerReport;
