// Gives a command the flags of its role's options, and loads the configuration from what was typed.

import { type Command, Option } from 'commander';
import { defaultText } from '../config/describe-config.js';
import { type LoadedConfig, loadConfig } from '../config/load-config.js';
import { flagName, type Role } from '../config/option-info.js';
import { infoOf, OPTION_KEYS } from '../config/schema.js';

/** Adds `--config` and a flag for each option that one of the roles has. */
export function addOptionFlags(command: Command, roles: readonly Role[]): Command {
  command.option('--config [path]', 'config file in YAML (FANFARE_CONFIG)');
  for (const key of OPTION_KEYS) {
    const info = infoOf(key);
    if (!info.roles.some((role) => roles.includes(role))) continue;
    // The value is optional to the parser, so that a missing one is reported with all other mistakes.
    command.addOption(new Option(`${flagName(key)} [value]`, `${info.about} (default: ${defaultText(key)})`));
    if (info.fromFile === true) command.addOption(new Option(`${flagName(`${key}File`)} [path]`).hideHelp());
  }
  // Unknown flags too are reported with all other mistakes.
  return command.allowUnknownOption().allowExcessArguments();
}

/** Throws `ConfigError` with every mistake on the command line, in the environment and in the file. */
export function configOf(command: Command, role: Role): LoadedConfig {
  const flags = command.args.filter((argument) => argument.startsWith('-'));
  // What follows an unknown flag may be its value: telling of the flag is enough.
  const unknownFlags = flags.length > 0 ? flags : command.args;
  return loadConfig({ role, flags: command.opts(), unknownFlags, env: process.env });
}
