// `fanfare config check` and `fanfare config print`: what a process would run with, without running it.

import { type Command, Option } from 'commander';
import { effectiveConfig, optionTable } from '../../config/describe-config.js';
import { ROLES, type Role } from '../../config/option-info.js';
import { addOptionFlags, configOf } from '../option-flags.js';

/** Adds the command; both of its parts take the flags of every role. */
export function addCommand(program: Command): void {
  const config = program.command('config').description('check or print the configuration');
  const role = () => new Option('--role <role>', 'whose configuration').choices(ROLES).default('start');
  const parts = [
    { name: 'check', about: 'list every mistake; ends with 78 when there is one', run: check },
    { name: 'print', about: 'print the effective values with their sources, secrets masked', run: print },
  ];
  for (const { name, about, run } of parts) {
    const command = config.command(name).description(about).addOption(role());
    addOptionFlags(command, ROLES).action((_, own: Command) => run(own));
  }
  config
    .command('table')
    .description('print the table of all options in Markdown')
    .action(() => console.log(optionTable()));
}

function roleOf(command: Command): Role {
  const named: unknown = command.opts().role;
  return ROLES.find((role) => role === named) ?? 'start';
}

function check(command: Command): void {
  const { warnings, notes } = configOf(command, roleOf(command));
  for (const line of [...warnings, ...notes]) console.log(line);
  console.log(`the configuration of ${roleOf(command)} is good`);
}

function print(command: Command): void {
  console.log(effectiveConfig(configOf(command, roleOf(command))));
}
