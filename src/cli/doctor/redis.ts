// Asks Redis: whether it can be reached, what it is, what it allows, and whether it keeps what it is given.

import { replyCode } from '../../broker/redis/errors.js';
import { examineRedis, type RedisServerFacts } from '../../broker/redis/examination.js';
import { redisNames } from '../../broker/redis/names.js';
import { parseRedisUrl, type RedisPlace } from '../../broker/redis/url.js';
import { FanfareError } from '../../lib/errors.js';
import type { Clocks } from './clocks.js';
import type { Findings } from './finding.js';

export interface RedisTerms {
  readonly place: RedisPlace;
  readonly prefix: string;
}

/** Chosen: beyond it a burst fills what is left. */
const NEARLY_FULL = 0.9;
const ACL = 'see the ACL in docs/OPERATIONS.md';

export async function examineRedisOf({ place, prefix }: RedisTerms, found: Findings, clocks: Clocks): Promise<void> {
  found.asked.push('redis');
  let servers: readonly RedisServerFacts[];
  try {
    servers = await examineRedis(place, prefix);
  } catch (error) {
    tellRefusal(error, found);
    return;
  }
  for (const server of servers) {
    const { clock } = server;
    clocks.add({ who: `Redis at ${server.address}`, aheadMs: clock.aheadMs, uncertainMs: clock.uncertainMs });
    judgeShape(server, place.url, found);
    judgeRights(server, found);
    judgeStorage(server, found);
    judgeStrays(server, found);
    if (server.library === 'foreign') {
      const { library } = redisNames(prefix, parseRedisUrl(place).database);
      const message = `the function library "${library}" in Redis, or a function of it, is none of Fanfare's`;
      found.error('redis', 'redis_foreign_library', message, `FUNCTION DELETE ${library}, or another FANFARE_PREFIX`);
    }
  }
}

function tellRefusal(error: unknown, found: Findings): void {
  if (error instanceof TypeError) {
    return found.error('redis', 'redis_url', error.message, 'write FANFARE_REDIS_URL as docs/OPERATIONS.md has it');
  }
  const message = error instanceof Error ? error.message : String(error);
  const reply = replyCode(error instanceof FanfareError ? error.cause : error);
  if (reply === 'NOAUTH' || reply === 'WRONGPASS') {
    const mend = 'put user and password into FANFARE_REDIS_URL, percent-encoded: redis://user:password@host';
    return found.error('redis', 'redis_password', message, mend);
  }
  if (reply === 'NOPERM') return found.error('redis', 'redis_right_missing', message, ACL);
  found.error(
    'redis',
    'redis_unreachable',
    message,
    'start it, or FANFARE_REDIS_URL, or whatever keeps this machine from Redis',
  );
}

function judgeShape(server: RedisServerFacts, url: string, found: Findings): void {
  const at = `Redis at ${server.address}`;
  if (Number.parseInt(server.version, 10) < 7) {
    found.error(
      'redis',
      'redis_too_old',
      `${at} is ${server.version}, without functions`,
      'Redis 7 or later, or Valkey',
    );
  }
  if (server.isReplica) {
    const mend = 'name the master in FANFARE_REDIS_URL, or use Sentinel; REPLICAOF NO ONE where it is to be the master';
    found.error('redis', 'redis_read_only', `${at} is a read-only replica`, mend);
  }
  if (server.isClusterMember && !url.includes('+cluster:')) {
    found.error('redis', 'redis_is_cluster', `${at} is part of a Redis Cluster`, 'FANFARE_REDIS_URL=redis+cluster://…');
  }
}

function judgeRights(server: RedisServerFacts, found: Findings): void {
  const { address, lackingRules, missingCommands, refusesWrites } = server;
  if (lackingRules.length > 0) {
    const message = `the user of FANFARE_REDIS_URL lacks a permission at ${address}: ${lackingRules.join(' ')}`;
    found.error('redis', 'redis_right_missing', message, `ACL SETUSER … ${lackingRules.join(' ')}; ${ACL}`);
  }
  if (missingCommands.length > 0) {
    const message = `Redis at ${address} lacks a command that Fanfare needs: ${missingCommands.join(', ')}`;
    const mend = 'take rename-command out of redis.conf, or use a Redis or Valkey that has it';
    found.error('redis', 'redis_command_missing', message, mend);
  }
  // A replica is told of already.
  if (refusesWrites === undefined || server.isReplica) return;
  const message = `Redis at ${address} refuses writes: ${refusesWrites.message}`;
  const mends: Readonly<Record<string, string>> = {
    MISCONF: 'make room on the disk that it saves to, or mend why it cannot save (its log says it)',
    OOM: 'raise maxmemory, or keep less history (historySize and historyTtl in FANFARE_NAMESPACES)',
    NOREPLICAS: 'bring the replicas back that min-replicas-to-write asks for',
  };
  found.error('redis', 'redis_refuses_writes', message, mends[replyCode(refusesWrites) ?? ''] ?? "Redis' log");
}

function judgeStorage(server: RedisServerFacts, found: Findings): void {
  const { address, evictionPolicy, maxMemoryBytes, usedMemoryBytes, maxClients, clients } = server;
  if (evictionPolicy !== 'noeviction') {
    const message = `Redis at ${address} evicts history when it is full (maxmemory-policy ${evictionPolicy})`;
    const mend = 'maxmemory-policy noeviction';
    if (maxMemoryBytes > 0) found.error('redis', 'redis_evicts', message, mend);
    else found.warning('redis', 'redis_evicts', `${message}, once it has a maxmemory`, mend);
  }
  if (maxMemoryBytes > 0 && usedMemoryBytes > NEARLY_FULL * maxMemoryBytes) {
    const used = Math.round((100 * usedMemoryBytes) / maxMemoryBytes);
    const mend = 'raise maxmemory, or keep less history (historySize and historyTtl in FANFARE_NAMESPACES)';
    found.warning('redis', 'redis_nearly_full', `Redis at ${address} uses ${used} % of its maxmemory`, mend);
  }
  if (maxClients > 0 && clients > NEARLY_FULL * maxClients) {
    const message = `Redis at ${address} has ${clients} clients of at most ${maxClients}`;
    found.warning('redis', 'redis_clients', message, 'raise maxclients');
  }
  if (server.persists === false) {
    const message = `Redis at ${address} keeps nothing on disk: after a restart every client is told a gap`;
    found.warning('redis', 'redis_no_persistence', message, 'appendonly yes, where history is to outlive a restart');
  }
}

/** A client library that puts a prefix before keys puts it before channels too, and gets no error. */
function judgeStrays({ address, astray }: RedisServerFacts, found: Findings): void {
  const mend = 'publish without the prefix: docs/BACKENDS.md, "Key prefixes", has the call for each client library';
  for (const { name, before } of astray.prefixed) {
    const message = `a client with the key prefix "${before}" has written ${name} at ${address}, where nobody reads`;
    found.error('redis', 'key_prefix', message, mend);
  }
  for (const { channel, published } of astray.unheard) {
    const message = `somebody listens to "${channel}", where nothing was published, and something was on "${published}": a key prefix?`;
    found.warning('redis', 'key_prefix', message, mend);
  }
  if (astray.looked === 'all') return;
  const why =
    astray.looked === 'none' ? 'the user of FANFARE_REDIS_URL may not SCAN' : 'there are more names than that';
  found.notAsked.push({ what: `key prefixes at ${address}`, why });
}
