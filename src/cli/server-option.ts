// An option of servers that a command needs too: by its flag, its variable, the file that `_FILE` names, or the config file.

import type { ConfigProblem } from '../config/config-problem.js';
import { readOptions } from '../config/load-config.js';
import type { Config, OptionKey } from '../config/schema.js';

/**
 * Its value, `undefined` where it is not set; an empty one counts as not set. What is wrong with it is added to `problems`, and nothing of
 * other options: an environment that servers share may have some that this command has no use for.
 */
export function serverOption<K extends OptionKey>(
  key: K,
  flag: string | undefined,
  problems: ConfigProblem[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config[K] | undefined {
  const flags = flag ? { [key]: flag } : {};
  const { values, sources, problems: found } = readOptions([key], { flags, env });
  // A config file that cannot be read might have had it.
  const isMissing = sources.get(key) === 'default';
  const ofIt = ({ option }: ConfigProblem) =>
    option === key || option === `${key}File` || option.startsWith(`${key}.`) || (isMissing && option === 'config');
  problems.push(...found.filter(ofIt));
  return values[key];
}
