// The function library that Fanfare keeps in Redis: its text, and loading it where it is missing or older.

import type { Redis } from 'ioredis';
import type { Namespaces } from '../../../config/namespaces.js';
import type { Logger } from '../../../lib/logger.js';
import { LIMITS } from '../../../protocol/index.js';
import { isElsewhere, isFunctionMissing, UnfitRedisError } from '../errors.js';
import { type RedisNames, redisNames } from '../names.js';
import { FANFARE_LUA } from './fanfare-lua.js';
import { INGEST_LUA } from './ingest-lua.js';
import { LIMITS_LUA } from './limits-lua.js';
import { LINKS_LUA } from './links-lua.js';
import { REGISTRY_LUA } from './registry-lua.js';
import { REVOCATIONS_LUA } from './revocations-lua.js';

/** Raise it with every change of the Lua: a library is replaced by a higher revision, and by newer limits. */
export const LIBRARY_REVISION = 28;

/** Each part registers its own functions and has its own local names. */
const PARTS: readonly string[] = [FANFARE_LUA, REGISTRY_LUA, INGEST_LUA, REVOCATIONS_LUA, LIMITS_LUA, LINKS_LUA];

export interface FunctionLibrary {
  readonly names: RedisNames;
  /** `stamp`: Unix milliseconds by Redis' clock, of the start of the process whose limits these are. */
  code(stamp: number): string;
  /** What was generated into it from the configuration, as one comparable line. */
  readonly limits: string;
}

export interface LibraryOptions {
  /** 1..32 of `A-Z a-z 0-9 _`. */
  readonly prefix: string;
  /** In which it works; default 0. */
  readonly database?: number;
  readonly namespaces: Namespaces;
  /** Bytes of one message's data; default 64 KiB. */
  readonly maxMessageBytes?: number;
}

/** Writes the library's text. Throws `TypeError` for a prefix that Redis would not take as a name. */
export function generateLibrary({ prefix, database, namespaces, maxMessageBytes }: LibraryOptions): FunctionLibrary {
  if (!/^\w{1,32}$/.test(prefix)) throw new TypeError('a prefix has 1..32 of A-Z a-z 0-9 _');
  const names = redisNames(prefix, database ?? 0);
  const maxBytes = maxMessageBytes ?? LIMITS.maxMessageBytes;
  const histories = [...namespaces.all]
    .map(([name, { historySize, historyTtlMs }]) => [name, historySize, historyTtlMs] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const limits = `${maxBytes};${histories.map(([name, size, ttl]) => `${name}=${size}/${ttl}`).join(';')}`;
  const rows = histories.map(([name, size, ttl]) => {
    const slack = slackOf(size, maxBytes);
    return `  [${luaString(name)}] = { size = ${size}, size_text = '${size}', slack = ${slack}, ttl = ${ttl} },`;
  });
  const head = (stamp: number) => `#!lua name=${names.library}
local PREFIX = '${prefix}'
local BUS = '${names.bus}'
local LIBRARY = '${names.library}'
local REVISION = ${LIBRARY_REVISION}
local MAX_MESSAGE_BYTES = ${maxBytes}
local CONFIGURED = ${luaString(limits)}
local STAMP = ${stamp}
local HISTORIES = {
${rows.join('\n')}
}

-- Of the entries that a channel keeps: their count as a number (size) and as a text (size_text), how many more there may be for a while (slack),
-- and their age in milliseconds (ttl).
local function history_of(channel)
  local colon = string.find(channel, ':', 1, true)
  return colon and HISTORIES[string.sub(channel, 1, colon - 1)] or HISTORIES.default
end

redis.register_function{
  function_name = LIBRARY .. '_version',
  callback = function() return { REVISION, CONFIGURED, STAMP, BUS } end,
  flags = { 'no-writes', 'allow-stale' },
}
`;
  const parts = PARTS.map((part) => `do\n${part}\nend\n`);
  return { names, code: (stamp) => [head(stamp), ...parts].join('\n'), limits };
}

/**
 * Loads the library where it is missing, and replaces one of an older revision, or with other limits that are older than `stamp`:
 * the newest process of a rolling restart wins, and those before it do not fight it. Without `stamp`, as at the first look of
 * a process, it is newer than what is there. Answers the stamp that the process has from now on. Replacing is one step in Redis:
 * no call in between misses the library. Rejects with Redis' own error.
 */
export async function ensureLibrary(
  client: Redis,
  library: FunctionLibrary,
  logger: Logger,
  stamp?: number,
): Promise<number> {
  const installed = await installedVersion(client, library.names);
  const own = stamp ?? Math.max(await nowMs(client), (installed?.stamp ?? 0) + 1);
  if (installed === undefined) {
    await loadMissing(client, library, own);
    return own;
  }
  const { revision, limits } = installed;
  const told = { library: library.names.library, inForce: limits, configured: library.limits };
  if (revision < LIBRARY_REVISION) {
    await replace(client, library, own);
    logger.info({ library: library.names.library, from: revision, to: LIBRARY_REVISION }, 'function library replaced');
  } else if (revision > LIBRARY_REVISION) {
    logger.info(
      { library: library.names.library, revision, ours: LIBRARY_REVISION },
      'function library is newer than ours',
    );
    if (limits !== library.limits) logger.warn(told, OTHER_LIMITS);
  } else if (limits !== library.limits && installed.stamp < own) {
    await replace(client, library, own);
    logger.info(told, 'limits of history and messages changed: those of this process are in force');
  } else if (limits !== library.limits) {
    logger.warn(told, OTHER_LIMITS);
  }
  return own;
}

const OTHER_LIMITS =
  'limits of history and messages are those of a process that started later; restart this one with the same FANFARE_NAMESPACES and FANFARE_MAX_MESSAGE_BYTES';

/** Whether it is there, for whoever uses and never loads it. Rejects where what answers is none of ours. */
export async function hasLibrary(client: Redis, names: RedisNames): Promise<boolean> {
  return (await installedVersion(client, names)) !== undefined;
}

/** What stands under its name, for whoever looks from outside. Never rejects: whether functions can be called is asked elsewhere. */
export async function libraryAt(client: Redis, names: RedisNames): Promise<'none' | 'ours' | 'foreign'> {
  // First without a key, which the user may not have.
  const answer: unknown = await client
    .call('FCALL', `${names.library}_version`, 0)
    .catch(() => askVersion(client, names))
    .catch(() => undefined);
  if (answer === undefined) return 'none';
  return versionIn(answer, names) === undefined ? 'foreign' : 'ours';
}

async function nowMs(client: Redis): Promise<number> {
  const [seconds, micros] = (await client.time()).map(Number);
  return (seconds ?? 0) * 1_000 + Math.floor((micros ?? 0) / 1_000);
}

async function replace(client: Redis, library: FunctionLibrary, stamp: number): Promise<void> {
  await client.call('FUNCTION', 'LOAD', 'REPLACE', library.code(stamp));
}

async function loadMissing(client: Redis, library: FunctionLibrary, stamp: number): Promise<void> {
  try {
    await client.call('FUNCTION', 'LOAD', library.code(stamp));
  } catch (error) {
    if (!(error instanceof Error && /already exists/i.test(error.message))) throw error;
    // Another node was quicker; or the name is somebody else's, and what it answers is not to be believed.
    if ((await installedVersion(client, library.names)) === undefined) throw foreignLibrary(library.names);
  }
}

function foreignLibrary({ library }: RedisNames): UnfitRedisError {
  const advice = `run FUNCTION DELETE ${library}, or choose another prefix (FANFARE_PREFIX)`;
  return new UnfitRedisError(
    `the function library "${library}" in Redis, or a function of it, is none of ours: ${advice}`,
  );
}

/** `undefined` where there is none. Rejects where what answers is none of ours. */
async function installedVersion(client: Redis, names: RedisNames) {
  try {
    const installed = versionIn(await askVersion(client, names), names);
    if (installed === undefined) throw foreignLibrary(names);
    return installed;
  } catch (error) {
    if (isFunctionMissing(error)) return undefined;
    throw error;
  }
}

/**
 * What `_version` answered; `undefined` where that is none of ours, or of another installation: a prefix may end as
 * another one's library does in its database.
 */
export function versionIn(answer: unknown, { library, bus }: RedisNames) {
  // Those of before revision 11 had no stamp, and those of before 14 no name on the bus.
  const [revision, limits, stamp = 0, onBus = library]: unknown[] = Array.isArray(answer) ? answer : [];
  if (typeof revision !== 'number' || typeof limits !== 'string' || typeof stamp !== 'number') return undefined;
  return onBus === bus ? { revision, limits, stamp } : undefined;
}

/** With a key, since some servers take no call without one; on a Cluster another master may have that, which does not matter. */
async function askVersion(client: Redis, { prefix, library }: RedisNames): Promise<unknown> {
  try {
    return await client.call('FCALL', `${library}_version`, 1, `${prefix}:{!probe}`);
  } catch (error) {
    if (!isElsewhere(error)) throw error;
    return client.call('FCALL', `${library}_version`, 0);
  }
}

/** How many entries over its size a history may have before they are taken away together. Chosen: an eighth, and no more bytes than a reader is given at once. */
function slackOf(size: number, maxBytes: number): number {
  return Math.min(16, Math.floor(size / 8), Math.floor(2 ** 20 / maxBytes));
}

/** A Lua string literal of any text. */
function luaString(text: string): string {
  return `'${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}'`;
}
