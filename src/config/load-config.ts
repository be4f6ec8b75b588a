// Loads the configuration of one process: flags over environment over file over defaults, every mistake at once.

import type { z } from 'zod';
import { fileLayer } from './config-file.js';
import { ConfigError, type ConfigProblem, misplacedSetting, shown } from './config-problem.js';
import { openFileLimit } from './file-limit.js';
import type { MadeSecrets, Remarks } from './findings.js';
import { envLayer, flagLayer, type Layer, type RawValue } from './layers.js';
import { LIMIT_KEYS, LIMIT_NAMES, limitKeys, NAMESPACE_LIMIT_NAMES } from './limits-type.js';
import { maskedUrl } from './masked-url.js';
import { NAMESPACE_KEYS } from './namespaces-type.js';
import { defaultOf, type Role } from './option-info.js';
import { applyRules } from './rules.js';
import { type Config, configSchema, infoOf, OPTION_KEYS, type OptionKey } from './schema.js';

export interface ConfigInput {
  readonly role: Role;
  /** By camelCase name; `config` is the path of the config file. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** What else stood on the command line: flags that the command does not have, with their dashes, and arguments. */
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
  readonly made: MadeSecrets;
}

/** Throws `ConfigError` with every mistake there is. */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const { role, env } = input;
  const keys = OPTION_KEYS.filter((key) => infoOf(key).roles.includes(role));
  const { values, sources, problems } = readOptions(keys, input);
  // What other roles have keeps its default here, so that a configuration is always whole.
  const others = readOptions(OPTION_KEYS, { role, env: {} }).values;
  const given: Partial<Config> = { ...others, ...Object.fromEntries(keys.map((key) => [key, values[key]])) };

  const ruled = applyRules(given, {
    role,
    production: env.NODE_ENV === 'production',
    openFiles: input.openFiles ?? openFileLimit(),
    sourceOf: (key) => sources.get(key) ?? 'default',
  });
  if (problems.length + ruled.problems.length > 0) throw new ConfigError([...problems, ...ruled.problems]);
  // No problems: every option has been parsed by its own part of the schema.
  const config = { ...given, ...ruled.changes } as Config;
  const { made, warnings, notes } = ruled;
  return { role, config, sources: new Map([...sources, ...ruled.sources]), made, warnings, notes };
}

interface ReadOptions<K extends OptionKey> {
  /** Without those whose value is wrong. */
  readonly values: Partial<Pick<Config, K>>;
  readonly sources: ReadonlyMap<OptionKey, string>;
  readonly problems: readonly ConfigProblem[];
}

/** Reads some options from where they are written, without the rules between them. */
export function readOptions<K extends OptionKey>(
  keys: readonly K[],
  input: Omit<ConfigInput, 'role'> & { readonly role?: Role },
): ReadOptions<K> {
  const layers = layersOf(input);
  const problems = layers.flatMap((layer) => layer.problems);
  const values: Partial<Record<OptionKey, unknown>> = {};
  const sources = new Map<OptionKey, string>();
  for (const key of keys) {
    // One whose file cannot be read was written down, if wrongly: that is told already.
    const wrong = problems.find(({ option }) => option === `${key}File`);
    const fallback = { raw: defaultOf(infoOf(key), input.role ?? 'node'), source: wrong?.source ?? 'default' };
    const value = winner(key, layers) ?? fallback;
    const parsed = configSchema.shape[key].safeParse(value.raw);
    sources.set(key, value.source);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(...parsed.error.issues.flatMap((issue) => issueProblems(key, value, issue)));
  }
  // Each value was parsed by the part of the schema that gives it its type.
  return { values: values as Partial<Pick<Config, K>>, sources, problems };
}

/** From the one that wins to the one that yields. */
function layersOf({ flags = {}, unknownFlags, env }: Omit<ConfigInput, 'role'>): readonly Layer[] {
  const layers = [flagLayer(flags, unknownFlags), envLayer(env)];
  const fromFlag = flags.config;
  if (fromFlag === true) {
    const problem = { option: 'config', source: 'flag --config', message: 'got nothing, expected a path' };
    layers.push({ values: new Map(), problems: [problem] });
  } else if (typeof fromFlag === 'string') layers.push(fileLayer(fromFlag, 'flag --config'));
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

function issueProblems(key: OptionKey, value: RawValue, issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = [key, ...issue.path].map(String);
  const source = issue.path.length > 0 ? (value.locate?.(issue.path) ?? value.source) : value.source;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const where = value.locate?.([...issue.path, name]) ?? source;
      const problem = misplacedSetting(name, where, namesIn(path), NAMES_BELOW);
      return { ...problem, option: [...path, name].join('.') };
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

/** Every name that may stand somewhere within an option. */
const NAMES_BELOW: readonly string[] = [...NAMESPACE_KEYS, ...LIMIT_NAMES, ...LIMIT_KEYS];

/** What may stand at `path`: `limits`, `limits.<name>`, `namespaces.<name>`, and limits below the last. */
function namesIn([option, ...path]: readonly string[]): readonly string[] {
  if (option !== 'limits' && path.length < 2) return NAMESPACE_KEYS;
  const [name] = option === 'limits' ? path : path.slice(2);
  if (name !== undefined) return limitKeys(name);
  return option === 'limits' ? LIMIT_NAMES : NAMESPACE_LIMIT_NAMES;
}

function got(key: OptionKey, raw: unknown, issue: z.core.$ZodIssue): string {
  const told: unknown = issue.code === 'custom' ? issue.params?.got : undefined;
  if (typeof told === 'string') return told;
  if (infoOf(key).secret === true) return raw === '' || raw === null ? 'nothing' : 'something else (not shown)';
  const value = issue.path.reduce(part, typeof raw === 'string' && issue.path.length > 0 ? JSON.parse(raw) : raw);
  return shown(typeof value === 'string' ? maskedUrl(value) : value);
}

function part(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
