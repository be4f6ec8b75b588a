// Rules about keys and secrets: what each role needs, and what `start` makes for itself.

import { createPublicKey } from 'node:crypto';
import { DEVELOPMENT_SECRET, developmentSecret } from './development.js';
import type { Findings, Given } from './findings.js';
import { keyAlgorithms, PUBLIC_ALGORITHMS, secretAlgorithms } from './key-types.js';
import { envName } from './option-info.js';
import type { OptionKey } from './schema.js';

/** What verifies users' tokens and signs tickets. */
export function secretRules(given: Given, found: Findings): void {
  const { role, production } = found.context;
  const verifies = hasVerifier(given, found);
  if (role === 'start' && !production) makeDevelopmentSecrets(given, found, verifies);
  else requireSecrets(given, found, verifies);
  if (role !== 'start' && verifies && given.authIssuer === undefined && given.authAudience === undefined) {
    found.warnings.push('neither authIssuer nor authAudience is set: any token that the key verifies is taken');
  }
}

function makeDevelopmentSecrets(given: Given, found: Findings, verifies: boolean): void {
  const secret = developmentSecret(given.host ?? '');
  if (!verifies) {
    found.development = true;
    found.change('authSecret', secret, 'made for development');
    if (found.isDefault('allowStarGrant')) found.change('allowStarGrant', true, 'with the development secret');
    found.notes.push("no key for users' tokens is configured: a development secret is used");
  }
  if (found.isDefault('clusterSecret')) found.change('clusterSecret', [secret], 'made for development');
}

function requireSecrets(given: Given, found: Findings, verifies: boolean): void {
  const { role, production } = found.context;
  const by = `needed by ${role}${production ? ' in production' : ''}`;
  if (!verifies && (role !== 'node' || given.allowUserTokens === true)) {
    const choices = `${envName('authSecret')}, ${envName('authPublicKey')} or ${envName('authJwksUrl')}`;
    found.problem('authSecret', `${by}: set ${choices}`);
  }
  if (found.isDefault('clusterSecret')) {
    found.problem('clusterSecret', `${by}: set ${envName('clusterSecret')}, to the same on every process`);
  }
  for (const key of ['authSecret', 'clusterSecret'] as const) {
    if (![given[key]].flat().includes(DEVELOPMENT_SECRET)) continue;
    found.problem(key, 'got the built-in development secret, which everybody can read, expected one of your own');
  }
}

const VERIFIERS: readonly OptionKey[] = ['authSecret', 'authPublicKey', 'authJwksUrl'];

/** A key that was written down counts, even when its value is wrong: that mistake is told already. */
function hasVerifier(given: Given, found: Findings): boolean {
  return VERIFIERS.some((key) => given[key] !== undefined || !found.isDefault(key));
}

/** Every accepted algorithm has a configured key that can verify it. */
export function algorithmRules(given: Given, found: Findings): void {
  const secret = given.authSecret ?? found.changes.authSecret;
  const usable = new Set<string>();
  const add = (algorithms: readonly string[]) => algorithms.forEach((algorithm) => void usable.add(algorithm));
  if (secret !== undefined) add(secretAlgorithms(secret));
  if (given.authPublicKey !== undefined) add(keyAlgorithms(createPublicKey(given.authPublicKey)));
  if (given.authJwksUrl !== undefined) add(PUBLIC_ALGORITHMS);
  if (usable.size === 0) return;
  for (const algorithm of given.authAlgorithms ?? []) {
    if (usable.has(algorithm)) continue;
    const expected = `those that the configured keys can verify: ${[...usable].join(', ')}`;
    found.problem('authAlgorithms', `got ${algorithm}, expected ${expected}`);
  }
}
