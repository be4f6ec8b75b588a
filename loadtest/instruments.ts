// What a run works with besides the servers it measures. A test hands in other ones and sees that the run tells of it.

import { PROC, type Proc } from './proc.js';
import type { Address, Publisher } from './publisher.js';
import type { Kind } from './server-process.js';

export interface Instruments {
  readonly proc: Proc;
  /** Flags of node for the processes that hold the clients. */
  readonly driverFlags: readonly string[];
  /** The same for a server that is measured. */
  readonly serverFlags: (kind: Kind) => readonly string[];
  /** The publisher that a run uses, made from the one that it opened. */
  readonly publisher: (opened: Publisher) => Publisher;
  /** Does what Redis is measured with, which is called `what`, as calls of functions alone. */
  readonly redisWork: <T>(what: string, redis: { readonly url: string }, work: () => Promise<T>) => Promise<T>;
  /** Where clients connect to reach a server. */
  readonly route: (server: Address) => Promise<Address>;
}

export const INSTRUMENTS: Instruments = {
  proc: PROC,
  driverFlags: [],
  serverFlags: () => [],
  publisher: (opened) => opened,
  redisWork: (_what, _redis, work) => work(),
  route: async (server) => server,
};
