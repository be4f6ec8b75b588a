// What the lab asks of a server that is put in a run, and what it gets when one is opened.

import type { Dialect } from '../clients/link.js';
import type { Instruments } from '../instruments.js';
import type { Arm, BrokerName } from '../plan/arm.js';
import type { Encode, Publisher } from '../publisher.js';
import type { Secrets } from '../server-process.js';

/** A server that runs for one arm, with what is needed to publish to it and to link clients to it. */
export interface Opened {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** Empty: it has none. */
  readonly redisPids: readonly number[];
  readonly publisher: Publisher;
  readonly encode: Encode;
  /** What a client subscribes to, for a channel's name. */
  readonly topic: (channel: string) => string;
  readonly dialect: Dialect;
  /** Signs users' tokens; absent: the server takes none. */
  readonly secret?: string;
  /** Collects garbage on SIGUSR2. */
  readonly collects: boolean;
  close(): Promise<void>;
}

export interface Conditions {
  readonly arm: Arm;
  readonly secrets: Secrets;
  readonly instruments: Instruments;
}

export interface Contender {
  /** Why it cannot be run on this machine with that broker; `undefined`: it can. */
  readonly missing: (broker: BrokerName) => string | undefined;
  /** How it is configured, for the report. */
  readonly configuration: () => string;
  readonly open: (conditions: Conditions) => Promise<Opened>;
}

/** Runs the steps of an opening; when one fails, what the earlier ones opened is closed again, the latest first. */
export async function opening<Result>(
  steps: (later: (close: () => Promise<void> | void) => void) => Promise<Result>,
): Promise<Result & { close(): Promise<void> }> {
  const closes: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closes.splice(0).reverse()) await one();
  };
  try {
    const result = await steps((one) => closes.push(one));
    return { ...result, close };
  } catch (error) {
    await close();
    throw error;
  }
}
