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
  /** Where clients connect to reach a server. */
  readonly route: (server: Address) => Promise<Address>;
}

export const INSTRUMENTS: Instruments = {
  proc: PROC,
  driverFlags: [],
  serverFlags: () => [],
  publisher: (opened) => opened,
  route: async (server) => server,
};
