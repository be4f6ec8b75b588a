// What must hold between options, and what follows from several of them together.

import { networkInterfaces } from 'node:os';
import { isLoopback, isWildcard } from './development.js';
import { RESERVED_FILES } from './file-limit.js';
import { Findings, type Given, isAlone, type RuleContext } from './findings.js';
import { namedLimitRules } from './limit-rules.js';
import { envName } from './option-info.js';
import { algorithmRules, secretRules } from './secret-rules.js';
import { tlsRules } from './tls-rules.js';

/** Applies every rule; what they find is all there is to know. */
export function applyRules(given: Given, context: RuleContext): Findings {
  const findings = new Findings(context);
  const apart = [secretRules, algorithmRules, clusterRules, redisRules, addressRules, limitRules, namedLimitRules];
  for (const rule of [...apart, tlsRules, namespaceRules, opsRules, drainRules, capacityRules]) rule(given, findings);
  return findings;
}

function clusterRules(given: Given, found: Findings): void {
  const { role } = found.context;
  const alone = isAlone(given, found);
  if (role !== 'start' && alone) {
    found.problem('redisUrl', `needed by ${role}: set ${envName('redisUrl')}, for example redis://127.0.0.1:6379`);
  }
  if (role === 'start' && alone && (given.waitReplicas ?? 0) > 0) {
    found.problem('waitReplicas', `the memory broker has no replicas: set ${envName('redisUrl')}`);
  }
  if (given.origins?.includes('*') && given.insecureAnyOrigin !== true) {
    found.problem('origins', 'got "*", expected exact origins; insecureAnyOrigin allows it all the same');
  }
  if (given.origins?.length === 0)
    found.notes.push(`origins is empty, so no page is let in: set ${envName('origins')}`);
}

/** What the URL does not use would be missed when it is thought to protect. */
function redisRules(given: Given, found: Findings): void {
  const { redisUrl, redisCa, redisCert, redisKey, redisSentinelAuth } = given;
  if (redisUrl === undefined) return;
  const named = { redisCa, redisCert, redisKey };
  for (const key of ['redisCa', 'redisCert', 'redisKey'] as const) {
    if (named[key] === undefined || redisUrl.startsWith('rediss')) continue;
    found.problem(key, 'used with TLS alone: write rediss:// in the Redis URL');
  }
  if ((redisCert === undefined) !== (redisKey === undefined)) {
    const [has, lacks] =
      redisCert === undefined ? (['redisKey', 'redisCert'] as const) : (['redisCert', 'redisKey'] as const);
    if (found.isDefault(lacks)) found.problem(has, `used together with ${lacks}: set ${envName(lacks)}`);
  }
  if (redisSentinelAuth !== undefined && !redisUrl.includes('+sentinel:')) {
    found.problem('redisSentinelAuth', 'used with Sentinels alone: write redis+sentinel:// in the Redis URL');
  }
}

function addressRules(given: Given, found: Findings): void {
  if (found.context.role === 'discovery') return;
  const scheme = found.isDefault('tlsCert') ? 'http' : 'https';
  const example = (): string => `${scheme}://${firstAddress()}:${given.port || 8080}`;
  if (given.nodeUrl !== undefined) {
    const { hostname } = new URL(given.nodeUrl);
    if (!isWildcard(hostname.replaceAll(/[[\]]/g, ''))) return;
    found.problem('nodeUrl', `${hostname} is where one listens, and nowhere to connect to; for example ${example()}`);
    return;
  }
  if (!found.isDefault('nodeUrl') || given.host === undefined || !isNowhere(given.host)) return;
  found.problem(
    'nodeUrl',
    `needed on host ${given.host}: what clients can reach, set ${envName('nodeUrl')}, for example ${example()}`,
  );
}

/** What one listens on and cannot be told to others: every address, or one that a zone of this machine belongs to. */
function isNowhere(host: string): boolean {
  return isWildcard(host) || host.includes('%');
}

/** An example to be told; sandboxes without netlink do not say what a machine's addresses are. */
function firstAddress(): string {
  try {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
  } catch {
    return '127.0.0.1';
  }
}

function opsRules(given: Given, found: Findings): void {
  const { host, port, opsHost, opsPort, adminKey } = given;
  if (opsPort === undefined) {
    if (found.isDefault('opsPort') && !found.isDefault('opsHost')) {
      found.problem('opsHost', `nothing listens there without a port: set ${envName('opsPort')}`);
    }
    return;
  }
  if (opsHost === undefined) return;
  if (!isLoopback(opsHost) && adminKey === undefined && found.isDefault('adminKey')) {
    const remedy = `set ${envName('adminKey')}, which whoever looks must show, or listen on 127.0.0.1`;
    found.problem('opsHost', `got ${opsHost}, which others than this machine may reach: ${remedy}`);
  }
  const isSameHost = opsHost === host || isWildcard(opsHost) || (host !== undefined && isWildcard(host));
  if (opsPort !== 0 && opsPort === port && isSameHost) {
    found.problem('opsPort', `got ${opsPort}, which is port (${found.context.sourceOf('port')}): expected another one`);
  }
}

function limitRules(given: Given, found: Findings): void {
  if (found.context.role === 'discovery') return;
  const notOver = (key: LimitKey, other: LimitKey, why: string) => {
    const [value, limit] = [given[key], given[other]];
    if (value === undefined || limit === undefined || value <= limit) return;
    found.problem(
      key,
      `got ${value}, expected at most ${other}, which is ${limit} (${found.context.sourceOf(other)}): ${why}`,
    );
  };
  notOver('maxMessageBytes', 'maxFrameBytes', 'a client could not publish it');
  notOver('maxMessageBytes', 'maxBodyBytes', 'a backend could not publish it');
  const { maxMessageBytes = 0, maxBufferedBytes = Number.POSITIVE_INFINITY } = given;
  if (2 * maxMessageBytes <= maxBufferedBytes) return;
  const limit = `${maxBufferedBytes} (${found.context.sourceOf('maxBufferedBytes')})`;
  found.problem(
    'maxMessageBytes',
    `got ${maxMessageBytes}, expected at most half of maxBufferedBytes, which is ${limit}: a replay would cut its receiver`,
  );
}

function drainRules({ drainDelay, drainTimeout }: Given, found: Findings): void {
  if (drainDelay === undefined || drainTimeout === undefined || drainDelay <= drainTimeout) return;
  const limit = `drainTimeout, which is ${drainTimeout} ms (${found.context.sourceOf('drainTimeout')})`;
  if (found.isDefault('drainDelay')) found.change('drainDelay', drainTimeout, 'from drainTimeout');
  else found.problem('drainDelay', `got ${drainDelay} ms, expected at most ${limit}: the delay is part of it`);
}

/** What is written down and not served would be missed when it is needed. */
function namespaceRules(given: Given, found: Findings): void {
  for (const [name, { presence, conflate, conflateBy }] of Object.entries(given.namespaces ?? {})) {
    const refuse = (option: string, value: string) =>
      found.problem('namespaces', `got ${option} ${value} in "${name}", which is not served yet: leave it out`);
    if (presence === true) refuse('presence', 'true');
    if (conflate !== undefined && conflateBy !== undefined)
      found.problem('namespaces', `got conflate and conflateBy in "${name}", expected one of them`);
  }
}

type LimitKey = 'maxMessageBytes' | 'maxFrameBytes' | 'maxBodyBytes';

function capacityRules(given: Given, found: Findings): void {
  const { role, openFiles } = found.context;
  if (role === 'discovery' || openFiles === undefined || given.maxConnections === undefined) return;
  const room = openFiles - RESERVED_FILES;
  if (given.maxConnections <= room) return;
  if (!found.isDefault('maxConnections')) {
    found.problem(
      'maxConnections',
      `got ${given.maxConnections}, expected at most ${room}: the limit of ${openFiles} open files less ${RESERVED_FILES}; raise it with ulimit -n`,
    );
  } else if (room < 1) {
    found.problem(
      'maxConnections',
      `the limit of ${openFiles} open files leaves no room, expected more than ${RESERVED_FILES}; raise it with ulimit -n`,
    );
  } else {
    found.change('maxConnections', room, `from the limit of ${openFiles} open files`);
    found.notes.push(`maxConnections is ${room}: the limit of ${openFiles} open files less ${RESERVED_FILES}`);
  }
}
