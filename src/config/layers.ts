// The places where an option can be written: flags, environment variables, the config file.

import { readTextFile } from '../lib/text-file.js';
import { type ConfigProblem, cannotRead, shown, unknownSetting } from './config-problem.js';
import { maskedUrl } from './masked-url.js';
import { envName, flagName } from './option-info.js';
import { infoOf, OPTION_KEYS, type OptionKey } from './schema.js';
import { closest } from './suggest.js';

/** A value as it was written somewhere. */
export interface RawValue {
  readonly raw: unknown;
  readonly source: string;
  /** Where a part of the value stands, for sources that know. */
  readonly locate?: (path: readonly PropertyKey[]) => string;
}

export interface Layer {
  readonly values: ReadonlyMap<OptionKey, RawValue>;
  readonly problems: readonly ConfigProblem[];
}

/** Values by camelCase name, secrets' files under the name with `File` behind it. */
export type Written = ReadonlyMap<string, RawValue>;

/** Every name that can be written: the options, and the files of those that may be read from one. */
export const WRITABLE: readonly string[] = OPTION_KEYS.flatMap((key) =>
  infoOf(key).fromFile === true ? [key, `${key}File`] : [key],
);

/** Variables of ours that are no options of a process. */
const OTHER_VARIABLES = ['FANFARE_CONFIG', 'FANFARE_URL', 'FANFARE_TOKEN'];
/** What Kubernetes sets in every container beside a service called `fanfare`; `FANFARE_PORT=tcp://…` is one of them. */
const SERVICE_LINK = /^FANFARE_(\w+_)?(SERVICE_(HOST|PORT)\w*|PORT_\d+_(TCP|UDP)\w*)$/;
const SERVICE_PORT = /^FANFARE_(\w+_)?PORT=(tcp|udp):\/\//;

/** Flags by camelCase name, as a command-line parser hands them over. */
export function flagLayer(flags: Readonly<Record<string, unknown>>, unknownFlags: readonly string[] = []): Layer {
  const written = new Map<string, RawValue>();
  for (const name of WRITABLE) {
    const raw = flags[name];
    if (raw !== undefined) written.set(name, { raw, source: `flag ${flagName(name)}` });
  }
  const known = WRITABLE.map(flagName);
  const problems = unknownFlags.map((flag) => {
    if (!flag.startsWith('-')) {
      return { option: 'command line', source: 'argument', message: `unexpected ${shown(maskedUrl(flag))}` };
    }
    const name = flag.split('=')[0] ?? flag;
    if (!known.includes(name)) return unknownSetting(name, 'flag', [...known, '--config']);
    const owner = OPTION_KEYS.find((key) => flagName(key) === name || flagName(`${key}File`) === name);
    const roles = owner === undefined ? [] : infoOf(owner).roles;
    return { option: name, source: 'flag', message: `an option of ${roles.join(' and ')} only` };
  });
  return settled(written, problems);
}

const OURS = 'FANFARE_';

/** Variables that begin with `FANFARE_`; an empty one counts as not set. */
export function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const written = new Map<string, RawValue>();
  const names = new Map(WRITABLE.map((name) => [envName(name), name]));
  const problems: ConfigProblem[] = [];
  for (const [variable, raw] of Object.entries(env)) {
    if (!variable.startsWith(OURS) || raw === undefined || raw === '') continue;
    if (SERVICE_LINK.test(variable) || SERVICE_PORT.test(`${variable}=${raw}`)) continue;
    const name = names.get(variable);
    if (name !== undefined) written.set(name, { raw, source: `env ${variable}` });
    else if (!OTHER_VARIABLES.includes(variable)) {
      problems.push(unknownVariable(variable, [...names.keys(), ...OTHER_VARIABLES]));
    }
  }
  return settled(written, problems);
}

/** What all of them begin with makes none of them alike. */
function unknownVariable(variable: string, known: readonly string[]): ConfigProblem {
  const own = (name: string) => name.slice(OURS.length);
  const near = closest(own(variable), known.map(own));
  if (near !== undefined) return unknownSetting(variable, 'env', [OURS + near]);
  const message = `${unknownSetting(variable, 'env', []).message}; variables of your own need names that do not begin with ${OURS}`;
  return { option: variable, source: 'env', message };
}

/** Reads the secrets that are given as files. */
export function settled(written: Written, problems: readonly ConfigProblem[]): Layer {
  const values = new Map<OptionKey, RawValue>();
  const found = [...problems];
  for (const key of OPTION_KEYS) {
    const value = written.get(key);
    const file = written.get(`${key}File`);
    if (value !== undefined && file !== undefined) {
      found.push({ option: key, source: `${value.source}, ${file.source}`, message: 'given twice; keep one of them' });
    } else if (value !== undefined) {
      values.set(key, value);
    } else if (file !== undefined) {
      const content = secretFrom(key, file);
      if ('raw' in content) values.set(key, content);
      else found.push(content);
    }
  }
  return { values, problems: found };
}

function secretFrom(key: OptionKey, file: RawValue): RawValue | ConfigProblem {
  const option = `${key}File`;
  if (typeof file.raw !== 'string') {
    return { option, source: file.source, message: `got ${shown(file.raw)}, expected a path` };
  }
  try {
    // A line break at the end is the editor's, not the secret's.
    return { raw: readTextFile(file.raw).replace(/\r?\n$/, ''), source: `${file.source} ${file.raw}` };
  } catch (error) {
    return { option, source: file.source, message: cannotRead(file.raw, error) };
  }
}
