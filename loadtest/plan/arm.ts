// One line of the lab's plan: a server, a transport and the traffic on it; and how a scenario's lists are crossed into such lines.

import { TRANSPORTS, type Transport } from '../../src/protocol/index.js';
import { MIN_PAYLOAD_BYTES } from '../payload.js';

/** Servers that can be put in a run. */
export const FANFARES = ['uws', 'ws'] as const;
export const PEERS = ['bare', 'bare-ws', 'socketio', 'nchan', 'nats'] as const;
export const ENGINES = [...FANFARES, ...PEERS] as const;
export type Engine = (typeof ENGINES)[number];
export const BROKERS = ['redis', 'cluster', 'memory'] as const;
/** `none`: messages go from the publisher to the server itself. */
export type BrokerName = (typeof BROKERS)[number] | 'none';

/** How messages are published to a Fanfare; `own`: as the server wants it, which has no other way. */
export const PUBLISHED_BY = ['fcall', 'publish', 'xadd', 'http', 'http-batch'] as const;
export type PublishedBy = (typeof PUBLISHED_BY)[number] | 'own';

/**
 * What is measured where no rate is kept: the next burst when all have the last; memory of idle links; clients that come, or come back, all at
 * once; or a rate that rises until something gives.
 */
export const KINDS = ['flood', 'idle', 'connects', 'returns', 'ramp'] as const;
/** Messages per second, or something else. */
export type Rate = number | (typeof KINDS)[number];

/** What is measured once a round. */
export interface Arm {
  readonly scenario: string;
  readonly engine: Engine;
  readonly transport: Transport;
  readonly broker: BrokerName;
  readonly links: number;
  /** Link `n` is on channel `n % channels`. */
  readonly channels: number;
  /** Links of these that stop reading, trickle or never read: they are not counted, the others are. */
  readonly slow: number;
  readonly rate: Rate;
  readonly payload: number;
  /** Messages that are published at a time. */
  readonly batch: number;
  /** Clients ask for the messages of one tick in one frame, as the SDK does; absent in older results. */
  readonly joins: boolean;
  readonly publishedBy: PublishedBy;
  readonly seconds: number;
  /** Pause between short polls, in milliseconds. */
  readonly pollEvery: number;
}

/** A scenario as it is written: each column one value or several, and every combination is measured. */
export type Scenario = { readonly name: string; readonly what: string } & {
  readonly [Column in Exclude<keyof Arm, 'scenario'>]: readonly Arm[Column][];
};

export const DEFAULTS: Omit<Scenario, 'name' | 'what'> = {
  engine: ['uws'],
  transport: TRANSPORTS,
  broker: ['redis'],
  links: [200],
  channels: [1],
  slow: [0],
  rate: [10],
  payload: [128],
  batch: [1],
  joins: [false],
  publishedBy: ['fcall'],
  seconds: [5],
  pollEvery: [1_000],
};

/** What each server can be measured with. */
const ABLE: Readonly<
  Record<Engine, { readonly transports: readonly Transport[]; readonly brokers: readonly BrokerName[] }>
> = {
  uws: { transports: TRANSPORTS, brokers: BROKERS },
  ws: { transports: TRANSPORTS, brokers: BROKERS },
  bare: { transports: ['websocket', 'long-poll'], brokers: ['redis'] },
  'bare-ws': { transports: ['websocket'], brokers: ['redis'] },
  socketio: { transports: ['websocket'], brokers: ['redis'] },
  nchan: { transports: ['websocket', 'sse', 'long-poll'], brokers: ['none'] },
  nats: { transports: ['websocket'], brokers: ['none'] },
};

/** What history a channel has by default. */
const MOST_KEPT = 100;

export interface Plan {
  readonly arms: readonly Arm[];
  /** Combinations that no server can be measured in, each with its reason. */
  readonly leftOut: readonly string[];
}

/** Every combination of every scenario, save those that make no sense, which are told. */
export function planOf(scenarios: readonly Scenario[]): Plan {
  const arms = new Map<string, Arm>();
  const leftOut = new Set<string>();
  for (const scenario of scenarios) {
    for (const arm of crossed(scenario)) {
      const reason = reasonAgainst(arm);
      if (reason === undefined) arms.set(labelOf(arm), arm);
      else leftOut.add(`${arm.scenario}: ${reason}`);
    }
  }
  return { arms: [...arms.values()], leftOut: together([...leftOut]) };
}

const HAS_NOT = /^([^:]+): (\S+) has (no \S+ here)$/;

/** Several servers that lack the same transport in a scenario are told in one line. */
function together(reasons: readonly string[]): readonly string[] {
  const lacking = new Map<string, string[]>();
  const others: string[] = [];
  for (const reason of reasons) {
    const [, scenario, engine, what] = HAS_NOT.exec(reason) ?? [];
    if (engine === undefined) others.push(reason);
    else lacking.set(`${scenario}|${what}`, [...(lacking.get(`${scenario}|${what}`) ?? []), engine]);
  }
  const told = [...lacking].map(([key, engines]) => {
    const [scenario, what] = key.split('|');
    return `${scenario}: ${engines.join(', ')} ${engines.length > 1 ? 'have' : 'has'} ${what}`;
  });
  return [...told, ...others];
}

/** What an arm is called in every table. It names all that makes it another arm, and so it is its key as well. */
export function labelOf(arm: Arm): string {
  const rate = typeof arm.rate === 'number' ? `${arm.rate}/s` : arm.rate;
  return [
    arm.scenario,
    arm.engine,
    arm.transport === 'short-poll'
      ? `short-poll ${arm.pollEvery} ms`
      : `${arm.transport}${arm.joins ? ', joined' : ''}`,
    arm.broker,
    `${arm.links} links on ${arm.channels}${arm.slow > 0 ? `, ${arm.slow} read badly` : ''}`,
    arm.rate === 'idle' || arm.rate === 'connects'
      ? arm.rate
      : `${rate} × ${arm.payload} B${arm.batch > 1 ? ` by ${arm.batch}` : ''}${tellWay(arm)}`,
  ].join(' · ');
}

function tellWay({ publishedBy }: Arm): string {
  return publishedBy === 'fcall' || publishedBy === 'own' ? '' : ` ${publishedBy}`;
}

function crossed({ name, what: _, ...columns }: Scenario): readonly Arm[] {
  let arms: Record<string, unknown>[] = [{ scenario: name }];
  for (const [column, values] of Object.entries(columns)) {
    arms = arms.flatMap((arm) => (values as readonly unknown[]).map((value) => ({ ...arm, [column]: value })));
  }
  // Only short polls have a pause, only WebSockets of a Fanfare are joined, and some servers have no broker: the others are measured once, whatever stands there.
  return (arms as unknown as Arm[]).map((arm) => ({
    ...arm,
    pollEvery: arm.transport === 'short-poll' ? arm.pollEvery : 0,
    joins: arm.joins && arm.transport === 'websocket' && isFanfare(arm.engine),
    broker: ABLE[arm.engine].brokers.includes('none') ? 'none' : arm.broker,
    publishedBy: wayInto(arm),
  }));
}

export function isFanfare(engine: Engine): boolean {
  return FANFARES.some((one) => one === engine);
}

/** Peers have a way of their own, and without Redis there is HTTP alone. */
function wayInto({ engine, broker, publishedBy }: Arm): PublishedBy {
  if (!isFanfare(engine)) return 'own';
  return broker === 'memory' && !publishedBy.startsWith('http') ? 'http' : publishedBy;
}

function reasonAgainst(arm: Arm): string | undefined {
  const able = ABLE[arm.engine];
  if (!able.transports.includes(arm.transport)) return `${arm.engine} has no ${arm.transport} here`;
  if (!able.brokers.includes(arm.broker)) return `${arm.engine} is not measured with the ${arm.broker} broker`;
  if (arm.broker === 'cluster' && (arm.publishedBy === 'publish' || arm.publishedBy === 'xadd'))
    return `on a Cluster the lab publishes by fcall and http, not by ${arm.publishedBy}`;
  if (arm.links % arm.channels !== 0) return `${arm.links} links cannot be spread evenly over ${arm.channels} channels`;
  if (typeof arm.rate !== 'number' && arm.transport === 'short-poll')
    return `short polls come when they come: no ${arm.rate}`;
  if (arm.rate === 'returns' && !(arm.transport === 'websocket' && isFanfare(arm.engine)))
    return `who comes back is measured on WebSockets of a Fanfare alone, not ${arm.transport} on ${arm.engine}`;
  if (arm.rate === 'returns' && arm.batch > MOST_KEPT) return `a channel keeps ${MOST_KEPT} messages, not ${arm.batch}`;
  if (arm.slow > 0 && !(arm.channels === 1 && arm.slow < arm.links && typeof arm.rate === 'number'))
    return 'links that read badly stand beside others, on one channel, at a rate';
  if (arm.payload < MIN_PAYLOAD_BYTES) return `a payload of ${arm.payload} bytes has no room for its time and number`;
  return undefined;
}
