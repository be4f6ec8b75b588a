// Loads the configuration of one process: flags over environment over file over defaults, every mistake at once.

import type { z } from 'zod';
import { fileLayer } from './config-file.js';
import { ConfigError, type ConfigProblem, shown, unknownSetting } from './config-problem.js';
import { openFileLimit } from './file-limit.js';
import type { Remarks } from './findings.js';
import { envLayer, flagLayer, type Layer, type RawValue } from './layers.js';
import { NAMESPACE_KEYS } from './namespaces-type.js';
import { defaultOf, type Role } from './option-info.js';
import { applyRules } from './rules.js';
import { type Config, configSchema, infoOf, OPTION_KEYS, type OptionKey } from './schema.js';

export interface ConfigInput {
  readonly role: Role;
  /** By camelCase name; `config` is the path of the config file. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Flags that the command does not have, with their dashes. */
  readonly unknownFlags?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files that may be open; read from the system when absent. */
  readonly openFiles?: number;
}

export interface LoadedConfig extends Remarks {
  readonly role: Role;
  readonly config: Config;
  /** Where each value came from, as in a {@link ConfigProblem}. */
  readonly sources: ReadonlyMap<OptionKey, string>;
  /** Whether tokens are verified with a secret that `start` made. */
  readonly development: boolean;
}

/** Throws `ConfigError` with every mistake there is. */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const { role, env } = input;
  const problems: ConfigProblem[] = [];
  const layers = layersOf(input);
  for (const layer of layers) problems.push(...layer.problems);

  const values: Partial<Record<OptionKey, unknown>> = {};
  const sources = new Map<OptionKey, string>();
  for (const key of OPTION_KEYS) {
    const written = infoOf(key).roles.includes(role) ? winner(key, layers) : undefined;
    const value = written ?? { raw: defaultOf(infoOf(key), role), source: 'default' };
    const parsed = configSchema.shape[key].safeParse(value.raw);
    sources.set(key, value.source);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(...parsed.error.issues.flatMap((issue) => issueProblems(key, value, issue)));
  }
  if (role === 'start') addStartNamespaces(values);

  const ruled = applyRules(values as Partial<Config>, {
    role,
    production: env.NODE_ENV === 'production',
    openFiles: input.openFiles ?? openFileLimit(),
    sourceOf: (key) => sources.get(key) ?? 'default',
  });
  problems.push(...ruled.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  for (const [key, source] of ruled.sources) sources.set(key, source);
  // No problems: every option has been parsed by its own part of the schema.
  const config = { ...values, ...ruled.changes } as Config;
  return { role, config, sources, development: ruled.development, warnings: ruled.warnings, notes: ruled.notes };
}

/** From the one that wins to the one that yields. */
function layersOf({ flags = {}, unknownFlags, env }: ConfigInput): readonly Layer[] {
  const layers = [flagLayer(flags, unknownFlags), envLayer(env)];
  const fromFlag = flags.config;
  if (typeof fromFlag === 'string') layers.push(fileLayer(fromFlag, 'flag --config'));
  else if (env.FANFARE_CONFIG) layers.push(fileLayer(env.FANFARE_CONFIG, 'env FANFARE_CONFIG'));
  return layers;
}

function winner(key: OptionKey, layers: readonly Layer[]): RawValue | undefined {
  for (const layer of layers) {
    const value = layer.values.get(key);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** What was configured is merged over the namespaces that `start` brings, each by itself. */
function addStartNamespaces(values: Partial<Record<OptionKey, unknown>>): void {
  const brought = configSchema.shape.namespaces.parse(defaultOf(infoOf('namespaces'), 'start'));
  const configured = (values.namespaces ?? {}) as Config['namespaces'];
  const merged: Record<string, unknown> = { ...configured };
  for (const [name, options] of Object.entries(brought)) merged[name] = { ...options, ...configured[name] };
  values.namespaces = merged;
}

function issueProblems(key: OptionKey, value: RawValue, issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = [key, ...issue.path].map(String);
  const source = issue.path.length > 0 ? (value.locate?.(issue.path) ?? value.source) : value.source;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const where = value.locate?.([...issue.path, name]) ?? source;
      return { ...unknownSetting(name, where, NAMESPACE_KEYS), option: [...path, name].join('.') };
    });
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another name';
    return [
      { option: path.join('.'), source, message: `got the name ${shown(issue.path.at(-1))}, expected ${expected}` },
    ];
  }
  const expected =
    issue.code === 'invalid_type' ? `a ${issue.expected === 'number' ? 'number' : 'map'}` : issue.message;
  return [{ option: path.join('.'), source, message: `got ${got(key, value.raw, issue)}, expected ${expected}` }];
}

function got(key: OptionKey, raw: unknown, issue: z.core.$ZodIssue): string {
  const told: unknown = issue.code === 'custom' ? issue.params?.got : undefined;
  if (typeof told === 'string') return told;
  if (infoOf(key).secret === true) return 'something else (not shown)';
  return shown(issue.path.reduce(part, typeof raw === 'string' && issue.path.length > 0 ? JSON.parse(raw) : raw));
}

function part(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
