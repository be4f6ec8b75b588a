// What a run's main process and its worker processes say to each other.

import type { Transport } from '../src/protocol/index.js';

/** Opens clients; answered by `opened`, or by `failed`. */
export interface OpenCommand {
  readonly do: 'open';
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** Number of the first client; numbers are unique in a run. */
  readonly first: number;
  readonly count: number;
  /** How many may be between connecting and subscribed at a time. */
  readonly atOnce: number;
  /** The channel to subscribe to; `%` stands for the client's number. */
  readonly channel: string;
  /** Signs the clients' tokens; absent: the server is the bare one, which takes a topic and no token. */
  readonly secret?: string;
  /** Whether clients get a ticket from discovery first, which is not timed; else they show the token itself. */
  readonly tickets: boolean;
  /** Pause between short polls. */
  readonly pollEveryMs: number;
}

/** Sets every counter to zero; answered by `reset`. */
export interface ResetCommand {
  readonly do: 'reset';
  /** A `progress` is sent each time that so many deliveries have come. */
  readonly reportEvery: number;
  /** Whether the time in each payload is read and recorded. */
  readonly latency: boolean;
}

/** Answered by `report`. */
export interface ReportCommand {
  readonly do: 'report';
}

export type WorkerCommand = OpenCommand | ResetCommand | ReportCommand;

/** What one worker counted since the last reset. */
export interface WorkerReport {
  readonly is: 'report';
  readonly clients: number;
  readonly deliveries: number;
  /** Deliveries to the client that had the fewest, and the most. */
  readonly fewest: number;
  readonly most: number;
  /** Clients whose link has ended. */
  readonly ended: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Polls that were answered. */
  readonly polls: number;
  /** Events that were neither a message nor a heartbeat, and the first of them. */
  readonly surprises: number;
  readonly surprise: string;
  /** Latencies in microseconds, as a compressed HDR histogram in base64; empty when none was recorded. */
  readonly histogram: string;
}

export type WorkerAnswer =
  | { readonly is: 'opened'; readonly tookMs: number }
  | { readonly is: 'reset' }
  | { readonly is: 'progress'; readonly deliveries: number }
  | { readonly is: 'failed'; readonly reason: string }
  | WorkerReport;
