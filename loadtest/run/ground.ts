// What a measurement stands on: a server, clients for it, and the traffic between them.

import type { Fleet } from '../fleet.js';
import { Numbers } from '../numbers.js';
import type { Arm } from '../plan/arm.js';
import type { Stage } from '../traffic.js';
import type { Opened } from './contender.js';

export interface Ground {
  readonly fleet: Fleet;
  readonly opened: Opened;
  /** Holds the links that read badly, where there are some. */
  readonly slow?: Fleet;
}

const AT_ONCE = 100;
const CHANNEL = 'news:%';

export function stageOf({ fleet, opened, slow }: Ground, arm: Arm, proc: Stage['proc']): Stage {
  return {
    name: arm.engine,
    proc,
    cast: {
      server: opened.pid,
      drivers: [process.pid, ...fleet.pids, ...(slow?.pids ?? [])],
      redis: opened.redisPids,
    },
    fleet,
    publisher: opened.publisher,
    encode: opened.encode,
    channels: channelsOf(arm),
    numbers: new Numbers(arm.channels),
    deliveriesPerMessage: (arm.links - arm.slow) / arm.channels,
    payloadBytes: arm.payload,
    wirePort: opened.port,
  };
}

export function channelsOf({ channels }: Arm): readonly string[] {
  return Array.from({ length: channels }, (_, at) => CHANNEL.replace('%', String(at)));
}

/** Everybody's subscription, without a count. */
export function crowdOf(opened: Opened, arm: Arm) {
  return {
    transport: arm.transport,
    host: opened.host,
    port: opened.port,
    atOnce: AT_ONCE,
    channel: opened.topic(CHANNEL),
    channels: arm.channels,
    dialect: opened.dialect,
    ...(opened.secret === undefined ? {} : { secret: opened.secret }),
    pollEveryMs: arm.pollEvery,
    joins: arm.joins,
  } as const;
}
