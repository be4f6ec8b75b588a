// `fanfare config check` and `fanfare config print`: what a process would run with, without running it.

import { type Command, Option } from 'commander';
import { ConfigError, type ConfigProblem } from '../../config/config-problem.js';
import { effectiveConfig, optionTable } from '../../config/describe-config.js';
import { type LoadedConfig, readOptions } from '../../config/load-config.js';
import { ROLES, type Role } from '../../config/option-info.js';
import { infoOf, OPTION_KEYS } from '../../config/schema.js';
import { engineTlsProblems } from '../compose-tls.js';
import { addOptionFlags, configOf } from '../option-flags.js';
import { redisNamesOf } from '../redis-place.js';

const EVERY = 'all';

/** Adds the command; both of its parts take the flags of every role. */
export function addCommand(program: Command): void {
  const config = program.command('config').description('check or print the configuration');
  const role = new Option('--role <role>', 'whose configuration').default('start');
  const parts = [
    {
      name: 'check',
      about: 'list every mistake; ends with 78 when there is one',
      role: new Option('--role <role>', 'whose configuration; `all` is each of them').default('start'),
      choices: [...ROLES, EVERY],
      run: check,
    },
    {
      name: 'print',
      about: 'print the effective values with their sources, secrets masked',
      role,
      choices: ROLES,
      run: print,
    },
  ];
  for (const { name, about, role: option, choices, run } of parts) {
    const command = config.command(name).description(about).addOption(option.choices(choices));
    addOptionFlags(command, ROLES).action((_, own: Command) => run(own));
  }
  config
    .command('table')
    .description('print the table of all options in Markdown')
    .action(() => console.log(optionTable()));
}

function rolesOf(command: Command): readonly Role[] {
  const named: unknown = command.opts().role;
  return named === EVERY ? ROLES : ROLES.filter((role) => role === named);
}

/** Each role by itself, with every mistake of all of them. */
async function check(command: Command): Promise<void> {
  const roles = rolesOf(command);
  const problems: ConfigProblem[] = [];
  for (const role of roles) {
    try {
      const loaded = configOf(command, role);
      const unused = unusedBy(command, role);
      // The same command line is for one of them only when it is for all.
      problems.push(...(roles.length > 1 ? [] : unused.filter(({ source }) => source.startsWith('flag '))));
      for (const problem of [...redisProblems(loaded), ...(await engineTlsProblems(loaded))]) {
        problems.push({ ...problem, option: `${role}: ${problem.option}` });
      }
      const notes = unused.filter(({ source }) => !source.startsWith('flag ')).map(noteOf);
      for (const line of [...loaded.warnings, ...loaded.notes, ...notes]) console.log(`${role}: ${line}`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((problem) => ({ ...problem, option: `${role}: ${problem.option}` })));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  for (const role of roles) console.log(`the configuration of ${role} is good`);
}

/** What is written down and of no use to this role: an environment that processes share may have it, a command line may not. */
function unusedBy(command: Command, role: Role): readonly ConfigProblem[] {
  const others = OPTION_KEYS.filter((key) => !infoOf(key).roles.includes(role));
  const { sources } = readOptions(others, { role, flags: command.opts(), env: process.env });
  return others.flatMap((key) => {
    const source = sources.get(key) ?? 'default';
    const message = `an option of ${infoOf(key).roles.join(' and ')} only`;
    return source === 'default' ? [] : [{ option: `${role}: ${key}`, source, message }];
  });
}

function noteOf({ option, source, message }: ConfigProblem): string {
  return `${option.split(': ')[1]} (${source}) is not used: ${message}`;
}

/** What the Redis URL says beyond its shape, which a process would find at its start. */
function redisProblems({ config, sources }: LoadedConfig): readonly ConfigProblem[] {
  try {
    redisNamesOf(config);
    return [];
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return [{ option: 'redisUrl', source: sources.get('redisUrl') ?? '', message: error.message }];
  }
}

function print(command: Command): void {
  const [role = 'start'] = rolesOf(command);
  console.log(effectiveConfig(configOf(command, role)));
}
