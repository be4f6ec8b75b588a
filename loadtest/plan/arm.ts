// One line of the lab's plan: a server, a transport and the traffic on it; and how a scenario's lists are crossed into such lines.

import { TRANSPORTS, type Transport } from '../../src/protocol/index.js';
import { MIN_PAYLOAD_BYTES } from '../payload.js';

/** Servers that can be put in a run. */
export const FANFARES = ['uws', 'ws'] as const;
export const PEERS = ['bare', 'bare-ws', 'socketio', 'nchan', 'nats'] as const;
export const ENGINES = [...FANFARES, ...PEERS] as const;
export type Engine = (typeof ENGINES)[number];
export const BROKERS = ['redis', 'memory'] as const;
/** `none`: messages go from the publisher to the server itself. */
export type BrokerName = (typeof BROKERS)[number] | 'none';

/** Messages per second; or the next burst when all have the last; or none at all, where memory is what is measured. */
export type Rate = number | 'flood' | 'idle';

/** What is measured once a round. */
export interface Arm {
  readonly scenario: string;
  readonly engine: Engine;
  readonly transport: Transport;
  readonly broker: BrokerName;
  readonly links: number;
  /** Link `n` is on channel `n % channels`. */
  readonly channels: number;
  readonly rate: Rate;
  readonly payload: number;
  /** Messages that are published at a time. */
  readonly batch: number;
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
  rate: [10],
  payload: [128],
  batch: [1],
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
  return { arms: [...arms.values()], leftOut: [...leftOut] };
}

/** What an arm is called in every table. It names all that makes it another arm, and so it is its key as well. */
export function labelOf(arm: Arm): string {
  const rate = typeof arm.rate === 'number' ? `${arm.rate}/s` : arm.rate;
  return [
    arm.scenario,
    arm.engine,
    arm.transport === 'short-poll' ? `short-poll ${arm.pollEvery} ms` : arm.transport,
    arm.broker,
    `${arm.links} links on ${arm.channels}`,
    arm.rate === 'idle' ? 'idle' : `${rate} × ${arm.payload} B${arm.batch > 1 ? ` by ${arm.batch}` : ''}`,
  ].join(' · ');
}

function crossed({ name, what: _, ...columns }: Scenario): readonly Arm[] {
  let arms: Record<string, unknown>[] = [{ scenario: name }];
  for (const [column, values] of Object.entries(columns)) {
    arms = arms.flatMap((arm) => (values as readonly unknown[]).map((value) => ({ ...arm, [column]: value })));
  }
  // Only short polls have a pause, and some servers have no broker: the others are measured once, whatever stands there.
  return (arms as unknown as Arm[]).map((arm) => ({
    ...arm,
    pollEvery: arm.transport === 'short-poll' ? arm.pollEvery : 0,
    broker: ABLE[arm.engine].brokers.includes('none') ? 'none' : arm.broker,
  }));
}

function reasonAgainst(arm: Arm): string | undefined {
  const able = ABLE[arm.engine];
  if (!able.transports.includes(arm.transport)) return `${arm.engine} has no ${arm.transport} here`;
  if (!able.brokers.includes(arm.broker)) return `${arm.engine} is not measured with the ${arm.broker} broker`;
  if (arm.links % arm.channels !== 0) return `${arm.links} links cannot be spread evenly over ${arm.channels} channels`;
  if (arm.rate === 'flood' && arm.transport === 'short-poll')
    return 'short polls cannot be flooded: they come when they come';
  if (arm.rate === 'idle' && arm.transport === 'short-poll') return 'short polls are not links: nothing of them idles';
  if (arm.payload < MIN_PAYLOAD_BYTES) return `a payload of ${arm.payload} bytes has no room for its time and number`;
  return undefined;
}
