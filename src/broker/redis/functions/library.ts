// The function library that Fanfare keeps in Redis: its text, and loading it where it is missing or older.

import type { Redis } from 'ioredis';
import type { Namespaces } from '../../../config/namespaces.js';
import type { Logger } from '../../../lib/logger.js';
import { LIMITS } from '../../../protocol/index.js';
import { isFunctionMissing, UnfitRedisError } from '../errors.js';
import { FANFARE_LUA } from './fanfare-lua.js';
import { INGEST_LUA } from './ingest-lua.js';
import { REGISTRY_LUA } from './registry-lua.js';
import { REVOCATIONS_LUA } from './revocations-lua.js';

/** Raise it with every change of the Lua: a library is replaced only by a higher revision. */
export const LIBRARY_REVISION = 10;

/** Each part registers its own functions and has its own local names. */
const PARTS: readonly string[] = [FANFARE_LUA, REGISTRY_LUA, INGEST_LUA, REVOCATIONS_LUA];

export interface FunctionLibrary {
  /** The library's name; its functions are `<prefix>_publish` and so on. */
  readonly prefix: string;
  readonly code: string;
  /** What was generated into it from the configuration, as one comparable line. */
  readonly limits: string;
}

export interface LibraryOptions {
  /** 1..32 of `A-Z a-z 0-9 _`. */
  readonly prefix: string;
  readonly namespaces: Namespaces;
  /** Bytes of one message's data; default 64 KiB. */
  readonly maxMessageBytes?: number;
}

/** Writes the library's text. Throws `TypeError` for a prefix that Redis would not take as a name. */
export function generateLibrary({ prefix, namespaces, maxMessageBytes }: LibraryOptions): FunctionLibrary {
  if (!/^\w{1,32}$/.test(prefix)) throw new TypeError('a prefix has 1..32 of A-Z a-z 0-9 _');
  const maxBytes = maxMessageBytes ?? LIMITS.maxMessageBytes;
  const histories = [...namespaces.all]
    .map(([name, { historySize, historyTtlMs }]) => [name, historySize, historyTtlMs] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const limits = `${maxBytes};${histories.map(([name, size, ttl]) => `${name}=${size}/${ttl}`).join(';')}`;
  const rows = histories.map(([name, size, ttl]) => `  [${luaString(name)}] = { ${size}, ${ttl} },`);
  const head = `#!lua name=${prefix}
local PREFIX = '${prefix}'
local REVISION = ${LIBRARY_REVISION}
local MAX_MESSAGE_BYTES = ${maxBytes}
local CONFIGURED = ${luaString(limits)}
local HISTORIES = {
${rows.join('\n')}
}

-- Count and age in milliseconds of the entries that a channel keeps.
local function limits_of(channel)
  local colon = string.find(channel, ':', 1, true)
  local history = colon and HISTORIES[string.sub(channel, 1, colon - 1)] or HISTORIES.default
  return history[1], history[2]
end

redis.register_function{
  function_name = PREFIX .. '_version',
  callback = function() return { REVISION, CONFIGURED } end,
  flags = { 'no-writes', 'allow-stale' },
}
`;
  return { prefix, code: [head, ...PARTS.map((part) => `do\n${part}\nend\n`)].join('\n'), limits };
}

/**
 * Loads the library where it is missing, and replaces an older one. One with the same revision and other limits, or
 * a newer one, is followed: several nodes must not replace each other's for ever. Rejects with Redis' own error.
 */
export async function ensureLibrary(client: Redis, library: FunctionLibrary, logger: Logger): Promise<void> {
  const installed = await installedVersion(client, library.prefix);
  if (installed === undefined) {
    await loadMissing(client, library);
    return;
  }
  const { revision, limits } = installed;
  if (revision < LIBRARY_REVISION) {
    await client.call('FUNCTION', 'LOAD', 'REPLACE', library.code);
    logger.info({ library: library.prefix, from: revision, to: LIBRARY_REVISION }, 'function library replaced');
  } else if (revision > LIBRARY_REVISION) {
    logger.info({ library: library.prefix, revision, ours: LIBRARY_REVISION }, 'function library is newer than ours');
  } else if (limits !== library.limits) {
    logger.warn(
      { library: library.prefix, inForce: limits, configured: library.limits },
      "history limits differ from those in Redis' function library, which are in force; to change them run FUNCTION DELETE and restart the nodes",
    );
  }
}

async function loadMissing(client: Redis, library: FunctionLibrary): Promise<void> {
  try {
    await client.call('FUNCTION', 'LOAD', library.code);
  } catch (error) {
    if (!(error instanceof Error && /already exists/i.test(error.message))) throw error;
    // Another node was quicker; or the name is somebody else's, and what it answers is not to be believed.
    if ((await installedVersion(client, library.prefix)) === undefined) throw foreignLibrary(library.prefix);
  }
}

function foreignLibrary(prefix: string): UnfitRedisError {
  const advice = `run FUNCTION DELETE ${prefix}, or choose another prefix (FANFARE_PREFIX)`;
  return new UnfitRedisError(
    `the function library "${prefix}" in Redis, or a function of it, is none of ours: ${advice}`,
  );
}

/** `undefined` where there is none. Rejects where what answers is none of ours. */
async function installedVersion(client: Redis, prefix: string) {
  try {
    const answer = await client.call('FCALL', `${prefix}_version`, 0);
    const [revision, limits]: unknown[] = Array.isArray(answer) ? answer : [];
    if (typeof revision !== 'number' || typeof limits !== 'string') throw foreignLibrary(prefix);
    return { revision, limits };
  } catch (error) {
    if (isFunctionMissing(error)) return undefined;
    throw error;
  }
}

/** A Lua string literal of any text. */
function luaString(text: string): string {
  return `'${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}'`;
}
