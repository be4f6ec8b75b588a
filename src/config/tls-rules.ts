// What must hold of the files of TLS, and what is in them.

import { readFileSync } from 'node:fs';
import { type TlsPair, tlsProblem } from '../lib/tls-pair.js';
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
  const [name, file] = problem.part === 'cert' ? (['tlsCert', tlsCert] as const) : (['tlsKey', tlsKey] as const);
  found.problem(name, `${shown(file)} ${problem.message}`);
}

/** The pair that a valid configuration names, read once more; `undefined`: plain HTTP. Throws when it can no longer be read. */
export function tlsPairOf({ tlsCert: certFile, tlsKey: keyFile }: Config): TlsPair | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

function fileOf(name: 'tlsCert' | 'tlsKey', file: string, found: Findings): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    found.problem(name, cannotRead(file, error));
    return undefined;
  }
}
