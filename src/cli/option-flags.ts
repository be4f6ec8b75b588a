// Gives a command the flags of its role's options, and loads the configuration from what was typed.

import { type Command, Option } from 'commander';
import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import { defaultText } from '../config/describe-config.js';
import { type LoadedConfig, loadConfig } from '../config/load-config.js';
import { defaultOf, flagName, type Role } from '../config/option-info.js';
import { configSchema, infoOf, OPTION_KEYS, type OptionKey } from '../config/schema.js';

/** Adds `--config` and a flag for each option that one of the roles has. */
export function addOptionFlags(command: Command, roles: readonly Role[]): Command {
  // A value is optional to the parser alone, so that a missing one is reported with all other mistakes.
  command.configureHelp({ optionTerm: ({ flags }) => flags.replace(/\[(.*)\]/, '<$1>') });
  command.option('--config [path]', 'config file in YAML (FANFARE_CONFIG)');
  for (const key of OPTION_KEYS) {
    const info = infoOf(key);
    if (!info.roles.some((role) => roles.includes(role))) continue;
    command.addOption(new Option(`${flagName(key)} [value]`, `${info.about} (default: ${defaultIn(key, roles)})`));
    if (info.fromFile === true) command.addOption(new Option(`${flagName(`${key}File`)} [path]`).hideHelp());
  }
  // Unknown flags too are reported with all other mistakes.
  return command.allowUnknownOption().allowExcessArguments();
}

/** Of one role its own alone. */
function defaultIn(key: OptionKey, [role, ...others]: readonly Role[]): string {
  const info = infoOf(key);
  if (role === undefined || others.length > 0 || info.defaultText !== undefined) return defaultText(key);
  return defaultOf(info, role) ?? 'none';
}

/** Throws `ConfigError` with every mistake on the command line, in the environment and in the file. */
export function configOf(command: Command, role: Role): LoadedConfig {
  const unknownFlags = strayWords(command);
  const bare = bareFlags(command);
  try {
    const loaded = loadConfig({ role, flags: command.opts(), unknownFlags, env: process.env });
    if (bare.length === 0) return loaded;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Without its value it is wrong for another reason too.
    const others = error.problems.filter(({ option }) => bare.every((problem) => problem.option !== option));
    throw new ConfigError([...bare, ...others]);
  }
  throw new ConfigError(bare);
}

/** What stands on the command line and is for nobody: flags that the command does not have, or else arguments. */
export function strayWords({ args }: Command): readonly string[] {
  const flags = args.filter((argument) => argument.startsWith('-'));
  // What follows an unknown flag may be its value: telling of the flag is enough.
  return flags.length > 0 ? flags : args;
}

/** The flags that have no value behind them and need one. */
export function bareFlags(command: Command): readonly ConfigProblem[] {
  return Object.entries(command.opts()).flatMap(([name, value]) => {
    const key = OPTION_KEYS.find((option) => name === option || name === `${option}File`);
    if (value !== true || key === undefined) return [];
    if (name === key && configSchema.shape[key].safeParse(true).success) return [];
    const flag = flagName(name);
    return [{ option: name, source: `flag ${flag}`, message: `needs a value: ${flag} <value>` }];
  });
}
