// Limits as they are configured: each by its name, over its default, with the options of 0.1 as short forms of some.

import { FRONT, NODES, ROLES, type Role } from './option-info.js';

/** The five algorithms, as they are written. */
export const LIMIT_ALGORITHMS = [
  'token-bucket',
  'leaky-bucket',
  'fixed-window',
  'sliding-window-log',
  'sliding-window-counter',
] as const;
export type LimitAlgorithm = (typeof LIMIT_ALGORITHMS)[number];

/** Whom limits count. */
export type LimitSubject = 'link' | 'ticket' | 'user' | 'address' | 'publishKey' | 'channel';

/** So many units in so many milliseconds. */
export interface LimitRate {
  readonly units: number;
  readonly perMs: number;
}

/** One limit, as far as it is written down. */
export interface WrittenLimit {
  readonly algorithm?: LimitAlgorithm | undefined;
  readonly rate?: LimitRate | undefined;
  /** Units at once; of token and leaky buckets only. */
  readonly burst?: number | undefined;
  readonly by?: LimitSubject | undefined;
  /** Of the sliding window log only: whether refused requests count, default true. */
  readonly countRefused?: boolean | undefined;
  /** Whether all processes of a cluster have one count; default false. */
  readonly shared?: boolean | undefined;
}

/** At the same time, without an algorithm. */
export interface WrittenBound {
  readonly max?: number | undefined;
  readonly by?: LimitSubject | undefined;
  /** Of `links` only: whether all nodes of a cluster have one count; default false. */
  readonly shared?: boolean | undefined;
}

/** A limit over time, complete. */
export interface LimitSetting {
  readonly algorithm: LimitAlgorithm;
  readonly rate: LimitRate;
  /** The rate's units where the algorithm has no burst. */
  readonly burst: number;
  readonly by: LimitSubject;
  readonly countRefused: boolean;
  readonly shared: boolean;
  /** What all links and tickets of one user have together is so many times this; 0: nothing is counted by user besides. */
  readonly together: number;
}

/** What each limit over time may count; the first is the default. */
export const RATE_SUBJECTS = {
  commands: ['ticket', 'link', 'user'],
  publishes: ['user', 'ticket', 'channel'],
  polls: ['ticket', 'user', 'address'],
  openings: ['ticket', 'address'],
  connects: ['user'],
  addresses: ['address'],
  publishKey: ['publishKey'],
  channel: ['channel'],
  outbound: ['link'],
} as const satisfies Readonly<Record<string, readonly LimitSubject[]>>;
/** The same of what is counted at the same time. */
export const BOUND_SUBJECTS = {
  handshakes: ['address'],
  links: ['user', 'address'],
} as const satisfies Readonly<Record<string, readonly LimitSubject[]>>;
/** Those that a namespace may have for itself. */
export const NAMESPACE_LIMITS = ['channel', 'outbound', 'publishes'] as const;

export type RateName = keyof typeof RATE_SUBJECTS;
export type BoundName = keyof typeof BOUND_SUBJECTS;
export type LimitName = RateName | BoundName;
export type NamespaceLimitName = (typeof NAMESPACE_LIMITS)[number];

/** Which processes ask each limit over time. */
export const LIMIT_ROLES: Readonly<Record<RateName, readonly Role[]>> = {
  commands: NODES,
  publishes: NODES,
  polls: NODES,
  openings: NODES,
  connects: FRONT,
  addresses: ROLES,
  publishKey: NODES,
  channel: NODES,
  outbound: NODES,
};

export const RATE_NAMES = Object.keys(RATE_SUBJECTS) as readonly RateName[];
export const BOUND_NAMES = Object.keys(BOUND_SUBJECTS) as readonly BoundName[];

/** The option `limits`: what is not named keeps its default, `false` switches off. */
export type WrittenLimits = { readonly [name in RateName]?: WrittenLimit | false | undefined } & {
  readonly [name in BoundName]?: WrittenBound | false | undefined;
};
/** Those of a namespace. */
export type NamespaceLimits = { readonly [name in NamespaceLimitName]?: WrittenLimit | false | undefined };

/** Limits over time by name; `undefined`: off. */
export type LimitSettings = { readonly [name in RateName]: LimitSetting | undefined };

/** A token bucket of a rate and a burst. */
export interface PlainRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** The options that are short forms. */
export interface ShortForms {
  readonly commandsPerSecond: number;
  readonly commandBurst: number;
  readonly pollsPerSecond: number;
  readonly pollBurst: number;
  readonly linksPerUser: number;
  readonly connectsPerUser: number;
  readonly connectsPerIp: number;
  readonly handshakesPerIp?: number | undefined;
}

/** Which options set which limits: naming both is a mistake. */
export const SHORT_FORMS = {
  commands: ['commandsPerSecond', 'commandBurst'],
  publishes: ['commandsPerSecond', 'commandBurst'],
  polls: ['pollsPerSecond', 'pollBurst'],
  connects: ['connectsPerUser'],
  addresses: ['connectsPerIp'],
  handshakes: ['handshakesPerIp'],
  links: ['linksPerUser'],
} as const satisfies { readonly [name in LimitName]?: readonly (keyof ShortForms)[] };

/** Chosen: opening a channel costs the node memory and Redis a key, reading one that is open costs neither. */
export const OPENINGS: PlainRate = { perSecond: 50, burst: 256 };
/** Chosen: tabs and devices of one user, or users behind one address who have no name, that are busy at the same moment. */
const TOGETHER = 5;
const SECOND_MS = 1_000;

/** Every limit over time, as it holds. */
export function limitSettings(written: WrittenLimits, forms: ShortForms): LimitSettings {
  const commands = { perSecond: forms.commandsPerSecond, burst: forms.commandBurst };
  const perSecond = (rate: number) => ({ perSecond: rate, burst: 2 * rate });
  const { connectsPerUser, connectsPerIp, pollsPerSecond, pollBurst } = forms;
  const base: { readonly [name in RateName]: PlainRate | undefined } = {
    commands,
    publishes: commands,
    polls: { perSecond: pollsPerSecond, burst: pollBurst },
    openings: OPENINGS,
    connects: perSecond(connectsPerUser),
    addresses: connectsPerIp === 0 ? undefined : perSecond(connectsPerIp),
    publishKey: undefined,
    channel: undefined,
    outbound: undefined,
  };
  const settings = RATE_NAMES.map((name) => [name, limitSetting(name, written[name], base[name])] as const);
  return Object.fromEntries(settings) as LimitSettings;
}

/** One limit: what is written of it over its default; `undefined` where it is off, or says no rate. */
export function limitSetting(
  name: RateName,
  written: WrittenLimit | false | undefined,
  base: PlainRate | undefined,
): LimitSetting | undefined {
  if (written === false) return undefined;
  const rate = written?.rate ?? (base && { units: base.perSecond, perMs: SECOND_MS });
  if (rate === undefined) return undefined;
  const { algorithm = 'token-bucket', countRefused = true, shared = false } = written ?? {};
  const usual = written?.rate === undefined ? base?.burst : undefined;
  const by = written?.by ?? RATE_SUBJECTS[name][0];
  return {
    algorithm,
    rate,
    burst: hasBurst(algorithm) ? (written?.burst ?? usual ?? rate.units) : rate.units,
    by,
    countRefused,
    shared,
    together: by === 'ticket' && written?.by === undefined ? TOGETHER : 0,
  };
}

/** Whether an algorithm has a size beside its rate. */
export function hasBurst(algorithm: LimitAlgorithm): boolean {
  return algorithm === 'token-bucket' || algorithm === 'leaky-bucket';
}

/** Specified: the lesser of 512 and a sixteenth of the capacity; but as many as three browsers open at once. */
export function usualHandshakes(maxConnections: number): number {
  return Math.max(18, Math.min(512, Math.floor(maxConnections / 16)));
}

/** Whom the limit of links counts. */
export function linksBy(written: WrittenBound | false | undefined): 'user' | 'address' {
  return written !== false && written?.by === 'address' ? 'address' : 'user';
}

/** Whether the cluster has one count of it. */
export function isSharedBound(written: WrittenBound | false | undefined): boolean {
  return written !== false && written?.shared === true;
}

/** What is the most at the same time; 0: off. */
export function boundOf(written: WrittenBound | false | undefined, short: number): number {
  return written === false ? 0 : (written?.max ?? short);
}

/** A rate as it is written: `100/10s`. */
export function rateText({ units, perMs }: LimitRate): string {
  if (perMs === SECOND_MS) return `${units}/s`;
  return perMs % SECOND_MS === 0 ? `${units}/${perMs / SECOND_MS}s` : `${units}/${perMs}ms`;
}
