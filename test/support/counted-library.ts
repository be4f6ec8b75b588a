// Our function library, made to count what each of its calls has Redis hand over: to assert how much a call reads, not how long it takes.

import type { Redis } from 'ioredis';
import { generateLibrary, type LibraryOptions } from '../../src/broker/redis/functions/library.js';

/** What one call of a function was handed by Redis. */
export interface Cost {
  /** Entries of streams, fields of hashes. */
  readonly entries: number;
  readonly bytes: number;
  /** Commands that it sent. */
  readonly commands: number;
}

const COUNTING = `
local entries, bytes, commands = 0, 0, 0
local most_entries, most_bytes = 0, 0
local function weigh(reply)
  if type(reply) == 'string' then bytes = bytes + #reply end
  if type(reply) == 'table' then for _, part in ipairs(reply) do weigh(part) end end
end
local function count(name, reply)
  commands = commands + 1
  if name == 'XRANGE' or name == 'XREVRANGE' then entries = entries + #reply end
  if name == 'HGETALL' then entries = entries + #reply / 2 end
  weigh(reply)
  return reply
end
local function counted(name, ...) return count(name, redis.call(name, ...)) end
local function counted_softly(name, ...) return count(name, redis.pcall(name, ...)) end
-- A callback of which the largest call is remembered.
local function measured(callback)
  return function(keys, args)
    entries, bytes, commands = 0, 0, 0
    local answer = callback(keys, args)
    most_entries, most_bytes = math.max(most_entries, entries), math.max(most_bytes, bytes)
    return answer
  end
end
redis.register_function{ function_name = 'counted_most', flags = { 'no-writes' }, callback = function()
  local most = { most_entries, most_bytes }
  most_entries, most_bytes = 0, 0
  return most
end }
redis.register_function{ function_name = 'counted_since', flags = { 'no-writes' }, callback = function()
  local cost = { entries, bytes, commands }
  entries, bytes, commands = 0, 0, 0
  return cost
end }
`;

/** In the place of the library that a broker would load: same name, revision and limits. */
export async function loadCountedLibrary(admin: Redis, options: LibraryOptions): Promise<void> {
  const [shebang = '', ...lines] = generateLibrary(options).code(0).split('\n');
  const code = lines
    .join('\n')
    .replaceAll(/redis\.call\b/g, 'counted')
    .replaceAll(/redis\.pcall\b/g, 'counted_softly')
    .replaceAll(/(redis\.register_function\(LIBRARY \.\. '\w+', )(\w+)\)/g, '$1measured($2))')
    .replaceAll(/callback = (?!function\b)(\w+)/g, 'callback = measured($1)');
  await admin.call('FUNCTION', 'LOAD', 'REPLACE', `${shebang}\n${COUNTING}\n${code}`);
}

/** The largest call of each kind since it was last asked for. */
export async function mostOf(admin: Redis): Promise<Pick<Cost, 'entries' | 'bytes'>> {
  const [entries = 0, bytes = 0] = (await admin.call('FCALL', 'counted_most', 0)) as number[];
  return { entries, bytes };
}

/** Calls `fanfare_<name>`; answers what it answered, and what that cost. */
export async function costOf(
  admin: Redis,
  name: string,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<Cost & { readonly answer: unknown }> {
  await admin.call('FCALL', 'counted_since', 0);
  const answer = await admin.call('FCALL', `fanfare_${name}`, keys.length, ...keys, ...args);
  const [entries = 0, bytes = 0, commands = 0] = (await admin.call('FCALL', 'counted_since', 0)) as number[];
  return { answer, entries, bytes, commands };
}
