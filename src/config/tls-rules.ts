// What must hold of the files of TLS, and what is in them.

import { readTextFile } from '../lib/text-file.js';
import { type TlsPair, type TlsProblem, tlsProblem } from '../lib/tls-pair.js';
import { cannotRead, shown } from './config-problem.js';
import type { Findings, Given } from './findings.js';
import { envName } from './option-info.js';
import type { Config } from './schema.js';

/** Both files, or neither; and a server can be run with them. */
export function tlsRules(given: Given, found: Findings): void {
  const { tlsCert, tlsKey } = given;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [has, lacks] = tlsCert === undefined ? (['tlsKey', 'tlsCert'] as const) : (['tlsCert', 'tlsKey'] as const);
    if (given[has] !== undefined && found.isDefault(lacks)) {
      found.problem(has, `used together with ${lacks}: set ${envName(lacks)}`);
    }
    return;
  }
  const cert = fileOf('tlsCert', tlsCert, found);
  const key = fileOf('tlsKey', tlsKey, found);
  if (cert === undefined || key === undefined) return;
  const problem = tlsProblem({ cert, key });
  if (problem === undefined) return;
  const { option, message } = tlsMistake(problem, { tlsCert, tlsKey });
  found.problem(option, message);
}

/** Which option is wrong, and what is wrong with its file. */
export function tlsMistake(
  { part, message }: TlsProblem,
  { tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>,
): { readonly option: 'tlsCert' | 'tlsKey'; readonly message: string } {
  const isCert = part === 'cert';
  return { option: isCert ? 'tlsCert' : 'tlsKey', message: `${shown(isCert ? tlsCert : tlsKey)} ${message}` };
}

/** The pair that a valid configuration names, read once more; `undefined`: plain HTTP. Throws when it can no longer be read. */
export function tlsPairOf({ tlsCert: certFile, tlsKey: keyFile }: Config): TlsPair | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { certFile, keyFile, cert: readTextFile(certFile), key: readTextFile(keyFile) };
}

function fileOf(name: 'tlsCert' | 'tlsKey', file: string, found: Findings): string | undefined {
  try {
    return readTextFile(file);
  } catch (error) {
    found.problem(name, cannotRead(file, error));
    return undefined;
  }
}
