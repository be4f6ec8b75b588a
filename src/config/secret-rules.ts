// Rules about keys and secrets: what each role needs, and what `start` makes for itself.

import { createPublicKey, randomBytes } from 'node:crypto';
import { keyAlgorithms, PUBLIC_ALGORITHMS, secretAlgorithms } from '../lib/jwt-algorithms.js';
import { DEVELOPMENT_SECRET, isFirstTry, OPEN_NAMESPACES } from './development.js';
import { type Findings, type Given, isAlone, type MadeSecret } from './findings.js';
import { envName } from './option-info.js';
import type { OptionKey } from './schema.js';

/** How to make a secret, for whoever has to configure one. */
const MAKE_ONE = 'make one with: openssl rand -base64 32 (or: node -p \'crypto.randomBytes(32).toString("base64")\')';

/** Chosen: as text it is 64 characters, so that every HMAC algorithm may use it (RFC 7518, 3.2). */
const RANDOM_SECRET_BYTES = 48;

/** What verifies users' tokens and signs tickets. */
export function secretRules(given: Given, found: Findings): void {
  const { role, production } = found.context;
  const verifies = hasVerifier(given, found);
  if (role === 'start' && !production) makeSecrets(given, found, verifies);
  else requireSecrets(given, found, verifies);
  refuseBuiltIn(given, found);
  if (role !== 'start' && verifies && given.authIssuer === undefined && given.authAudience === undefined) {
    found.warnings.push('neither authIssuer nor authAudience is set: any token that the key verifies is taken');
  }
}

/** `start` makes what is missing: the secret that everybody knows for a first try, else one that only this process knows. */
function makeSecrets(given: Given, found: Findings, verifies: boolean): void {
  const kind = isFirstTry(given.host ?? '', (key) => found.isDefault(key)) ? 'built-in' : 'random';
  if (!verifies) {
    found.make('authSecret', kind, [secretOf(kind)]);
    if (found.isDefault('allowStarGrant')) found.change('allowStarGrant', true, 'with the secret that start made');
    openNamespaces(given, found);
  }
  if (found.isDefault('clusterSecret')) {
    if (isAlone(given, found)) found.make('clusterSecret', kind, [secretOf(kind)]);
    else requireClusterSecret(found, 'needed by start with Redis');
  }
  tellMade(found);
}

function secretOf(kind: MadeSecret): string {
  return kind === 'built-in' ? DEVELOPMENT_SECRET : randomBytes(RANDOM_SECRET_BYTES).toString('base64url');
}

/** Says which secrets were made, and what that means; never their values. */
function tellMade({ made, notes, warnings }: Findings): void {
  if (made.authSecret === 'built-in') {
    notes.push(
      'nothing is configured: the development secret, which everybody can read in the source, signs tokens and tickets; only for this machine',
    );
    return;
  }
  if (made.authSecret === 'random') {
    warnings.push(
      `no key for users' tokens is configured: authSecret was made at random, and whoever reaches this server may read and publish in the namespaces demo and public; set ${envName('authSecret')}`,
    );
  }
  const random = Object.keys(made);
  if (random.length === 0) return;
  const ends = random.map((key) => (key === 'authSecret' ? 'tokens' : 'tickets')).join(' and ');
  notes.push(`made at random for this process: ${random.join(' and ')}; ${ends} signed with it end with the process`);
}

/** Everybody gets in where nobody can tell who is who; what was configured is merged over it, each namespace by itself. */
function openNamespaces({ namespaces }: Given, found: Findings): void {
  if (namespaces === undefined) return;
  const open = Object.entries(OPEN_NAMESPACES).map(([name, options]) => [name, { ...options, ...namespaces[name] }]);
  const source = found.context.sourceOf('namespaces');
  found.change('namespaces', { ...namespaces, ...Object.fromEntries(open) }, `${source}, and the open ones of start`);
}

function requireSecrets(given: Given, found: Findings, verifies: boolean): void {
  const { role, production } = found.context;
  const by = `needed by ${role}${production ? ' in production' : ''}`;
  if (!verifies && (role !== 'node' || given.allowUserTokens === true)) {
    const choices = `${envName('authSecret')}, ${envName('authPublicKey')} or ${envName('authJwksUrl')}`;
    found.problem('authSecret', `${by}: set ${choices}`);
  }
  if (found.isDefault('clusterSecret')) requireClusterSecret(found, by);
}

function requireClusterSecret(found: Findings, by: string): void {
  found.problem('clusterSecret', `${by}: set ${envName('clusterSecret')}, to the same on every process; ${MAKE_ONE}`);
}

const SECRETS = ['authSecret', 'clusterSecret', 'adminKey', 'publishKey'] as const;

function refuseBuiltIn(given: Given, found: Findings): void {
  for (const key of SECRETS) {
    const texts = [given[key] ?? []].flat().map((one) => (typeof one === 'string' ? one : one.key));
    if (!texts.includes(DEVELOPMENT_SECRET)) continue;
    found.problem(
      key,
      `got the built-in development secret, which everybody can read, expected one of your own; ${MAKE_ONE}`,
    );
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
  for (const one of secret ?? []) add(secretAlgorithms(one));
  for (const pem of given.authPublicKey ?? []) add(keyAlgorithms(createPublicKey(pem)));
  if (given.authJwksUrl !== undefined) add(PUBLIC_ALGORITHMS);
  if (usable.size === 0) return;
  for (const algorithm of given.authAlgorithms ?? []) {
    if (usable.has(algorithm)) continue;
    const expected = `those that the configured keys can verify: ${[...usable].join(', ')}`;
    found.problem('authAlgorithms', `got ${algorithm}, expected ${expected}`);
  }
}
