// Collects what the rules between options find: mistakes, warnings, decisions.

import type { ConfigProblem } from './config-problem.js';
import type { Role } from './option-info.js';
import type { Config, OptionKey } from './schema.js';

export interface Remarks {
  /** What works and is risky. */
  readonly warnings: readonly string[];
  /** What was decided for the operator. */
  readonly notes: readonly string[];
}

/** Who knows a secret that `start` made: everybody, or this process alone. */
export type MadeSecret = 'built-in' | 'random';
/** The secrets that `start` made because none was configured. */
export type MadeSecrets = { readonly [key in 'authSecret' | 'clusterSecret']?: MadeSecret };

export interface RuleContext {
  readonly role: Role;
  readonly production: boolean;
  readonly openFiles: number | undefined;
  sourceOf(key: OptionKey): string;
}

/** Options whose own value is wrong are absent: their mistake is known already. */
export type Given = Partial<Config>;

export class Findings {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: string[] = [];
  readonly notes: string[] = [];
  readonly changes: { -readonly [K in keyof Config]?: Config[K] } = {};
  readonly sources = new Map<OptionKey, string>();
  readonly made: { -readonly [key in keyof MadeSecrets]: MadeSecrets[key] } = {};
  readonly context: RuleContext;

  constructor(context: RuleContext) {
    this.context = context;
  }

  problem(option: OptionKey, message: string): void {
    const source = this.context.sourceOf(option);
    this.problems.push({ option, source: source === 'default' ? 'not set' : source, message });
  }

  /** Whether nobody wrote the option down. */
  isDefault(option: OptionKey): boolean {
    return this.context.sourceOf(option) === 'default';
  }

  change<K extends keyof Config & OptionKey>(key: K, value: Config[K], source: string): void {
    this.changes[key] = value;
    this.sources.set(key, source);
  }

  make<K extends keyof MadeSecrets>(key: K, kind: MadeSecret, value: Config[K]): void {
    this.made[key] = kind;
    this.change(key, value, kind === 'built-in' ? 'the development secret' : 'made at random for this process');
  }
}

/** Whether no Redis is configured, not even wrongly. */
export function isAlone(given: Given, found: Findings): boolean {
  return given.redisUrl === undefined && found.isDefault('redisUrl');
}
