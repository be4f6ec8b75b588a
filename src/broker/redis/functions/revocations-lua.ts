// The Lua of the revocations' log: add, put back, withdraw, read, find, who is behind. Each call is one atomic step inside Redis.

import { MAX_REVOCATIONS } from '../../../cluster/memory-revocations.js';
import { MAX_REVOCATION_BYTES } from '../../../cluster/revocation.js';
import {
  MEMBER_FORGET_MS,
  MEMBER_GRACE_MS,
  MEMBER_SILENCE_MS,
  READING_GAP_MS,
} from '../../../cluster/revocation-log.js';

/**
 * Keys, in the order in which each function is given them: `revocations` (hash: id → entry in JSON), `revoked-order` (sorted set
 * of ids by the revision of their last change), `revoked-until` (the same by their end), `revoked-names` (hash: `u<sub>` or `t<jti>`
 * → ids), `revoked-state` (hash: epoch, the server that began it, newest revision; when somebody read last, and of the last time in
 * which nobody did, its beginning and its end), `revoked-seen` (hash: member → epoch, revision and moment of its last reading). Time
 * is the server's alone.
 *
 * An epoch ends when another server answers, or the same one after a restart: it may lack what the one before had acknowledged. Revisions
 * begin with the time then, so that they go up whatever was lost.
 */
export const REVOCATIONS_LUA = `
local ENTRIES, ORDER, UNTIL, NAMES, STATE, SEEN = 1, 2, 3, 4, 5, 6
local TYPES = { 'hash', 'zset', 'zset', 'hash', 'hash', 'hash' }
local MAX_ENTRIES = ${MAX_REVOCATIONS}
local MAX_BYTES = ${MAX_REVOCATION_BYTES}
local SILENCE_MS = ${MEMBER_SILENCE_MS}
local GRACE_MS = ${MEMBER_GRACE_MS}
local GAP_MS = ${READING_GAP_MS}
local FORGET_MS = ${MEMBER_FORGET_MS}
local MAX_MEMBERS = 2048
local MAX_PAGE = 1000
local EXPIRED_AT_ONCE = 200
local MAX_OF_NAME = 64
local KINDS = { token = 't', logout = 'u', ban = 'u', before = '', disconnect = '' }

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- The server, and its history: another one after a failover, and after a restart.
local function server_id()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. string.match(info, 'master_replid:(%x+)')
end

local function state_of(keys, now)
  local values = redis.call('HMGET', keys[STATE], 'epoch', 'server', 'revision')
  local server, revision = server_id(), tonumber(values[3])
  if values[1] and values[2] == server and revision then return values[1], revision end
  local epoch = whole(now) .. '-' .. string.sub(server, 1, 8)
  revision = math.max(revision or 0, now)
  redis.call('HSET', keys[STATE], 'epoch', epoch, 'server', server, 'revision', whole(revision))
  return epoch, revision
end

local function is_time(value)
  return type(value) == 'number' and value >= 0 and value <= 1e15
end

-- An entry, or nil for what is none of ours.
local function decode(text)
  if not text or #text > MAX_BYTES then return nil end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry) ~= 'table' or not KINDS[entry.k] then return nil end
  if type(entry.id) ~= 'string' or type(entry.n) ~= 'string' or type(entry.r) ~= 'string' then return nil end
  if not (is_time(entry.b) and is_time(entry.at) and is_time(entry['until']) and is_time(entry.gone)) then return nil end
  return entry
end

local function name_of(entry)
  local prefix = KINDS[entry.k]
  return prefix ~= '' and prefix .. entry.n or nil
end

local function ids_of(keys, name)
  local ids = {}
  for id in string.gmatch(redis.call('HGET', keys[NAMES], name) or '', '%S+') do ids[#ids + 1] = id end
  return ids
end

local function remove(keys, id)
  local entry = decode(redis.call('HGET', keys[ENTRIES], id))
  redis.call('HDEL', keys[ENTRIES], id)
  redis.call('ZREM', keys[ORDER], id)
  redis.call('ZREM', keys[UNTIL], id)
  local name = entry and name_of(entry)
  if not name then return end
  local rest = {}
  for _, other in ipairs(ids_of(keys, name)) do
    if other ~= id then rest[#rest + 1] = other end
  end
  if #rest == 0 then redis.call('HDEL', keys[NAMES], name)
  else redis.call('HSET', keys[NAMES], name, table.concat(rest, ' ')) end
end

local function expire(keys, now)
  local over = redis.call('ZRANGEBYSCORE', keys[UNTIL], '-inf', whole(now), 'LIMIT', 0, EXPIRED_AT_ONCE)
  for _, id in ipairs(over) do remove(keys, id) end
end

-- As isImplied in revocation.ts.
local function is_implied(old, by)
  if old.n ~= by.n or old['until'] > by['until'] or by.gone > 0 then return false end
  if old.k == by.k then return old.b <= by.b end
  return old.k == 'logout' and by.k == 'ban'
end

-- Writes an entry under the next revision, which it answers.
local function put(keys, entry, revision)
  revision = revision + 1
  local id = entry.id
  local is_new = redis.call('HSET', keys[ENTRIES], id, cjson.encode(entry)) == 1
  redis.call('ZADD', keys[ORDER], whole(revision), id)
  redis.call('ZADD', keys[UNTIL], whole(entry['until']), id)
  redis.call('HSET', keys[STATE], 'revision', whole(revision))
  local name = is_new and name_of(entry)
  if not name then return revision end
  local ids = ids_of(keys, name)
  local oldest = #ids >= MAX_OF_NAME and decode(redis.call('HGET', keys[ENTRIES], ids[1]))
  if oldest and is_implied(oldest, entry) then
    remove(keys, ids[1])
    table.remove(ids, 1)
  end
  ids[#ids + 1] = id
  redis.call('HSET', keys[NAMES], name, table.concat(ids, ' '))
  return revision
end

-- id kind name before reason life
local function add(keys, args)
  local now = now_ms()
  local epoch, revision = state_of(keys, now)
  expire(keys, now)
  local kind, before, life = args[2], tonumber(args[4]), tonumber(args[6])
  if not (args[1] and KINDS[kind] and args[3] and before and args[5] and life) then
    return redis.error_reply('BADARGS ' .. LIBRARY .. '_revocation_add id kind name before reason life')
  end
  if redis.call('HLEN', keys[ENTRIES]) >= MAX_ENTRIES then return { '', 0, '' } end
  local entry = {
    v = 1, id = args[1], k = kind, n = args[3], r = args[5], at = now, ['until'] = now + life, gone = 0,
    b = kind == 'logout' and math.floor(now / 1000) or before,
  }
  revision = put(keys, entry, revision)
  return { epoch, whole(revision), cjson.encode(entry) }
end

-- entry...
local function put_back(keys, args)
  local now = now_ms()
  local _, revision = state_of(keys, now)
  local count = 0
  for _, text in ipairs(args) do
    local entry = decode(text)
    local known = entry and decode(redis.call('HGET', keys[ENTRIES], entry.id))
    if entry and entry['until'] > now and (not known or (known.gone == 0 and entry.gone > 0)) then
      revision = put(keys, entry, revision)
      count = count + 1
    end
  end
  return count
end

-- id
local function withdraw(keys, args)
  local now = now_ms()
  local epoch, revision = state_of(keys, now)
  local entry = decode(redis.call('HGET', keys[ENTRIES], args[1]))
  if not entry or entry.gone > 0 or entry['until'] <= now then return { '', 0 } end
  entry.gone = now
  return { epoch, whole(put(keys, entry, revision)) }
end

-- What stands in the place of a key of ours and is none is taken away, and with it what belongs together: members write back what is
-- recent.
local function mend(keys)
  local broken = {}
  for i, wanted in ipairs(TYPES) do
    local found = redis.call('TYPE', keys[i]).ok
    if found ~= wanted and found ~= 'none' then broken[i] = true end
  end
  if next(broken) == nil then return end
  if broken[SEEN] then redis.call('UNLINK', keys[SEEN]) end
  if broken[STATE] then redis.call('UNLINK', keys[STATE]) end
  if not (broken[ENTRIES] or broken[ORDER] or broken[UNTIL] or broken[NAMES]) then return end
  redis.call('UNLINK', keys[ENTRIES], keys[ORDER], keys[UNTIL], keys[NAMES])
  redis.call('HDEL', keys[STATE], 'epoch')
end

-- What follows from, up to the limit of args.
local function page(keys, args, epoch, newest, from, now)
  local limit = math.min(tonumber(args[3]) or 0, MAX_PAGE)
  local answer = { epoch, whole(newest), 0, redis.call('HLEN', keys[ENTRIES]), whole(now) }
  if from >= newest then
    answer[2] = whole(from)
    return answer
  end
  local found = redis.call('ZRANGEBYSCORE', keys[ORDER], '(' .. whole(from), '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
  for i = 1, math.min(#found, 2 * limit), 2 do
    answer[#answer + 1] = redis.call('HGET', keys[ENTRIES], found[i]) or ''
    if #found > 2 * limit then answer[2] = whole(tonumber(found[i + 1])) end
  end
  if #found > 2 * limit then answer[3] = 1 end
  return answer
end

-- A member reads. Where nobody did for a while, as when there was no server, all who read before are waited for.
local function note_reading(keys, member, position, now)
  local values = redis.call('HMGET', keys[STATE], 'read', 'resumed')
  local last, resumed = tonumber(values[1]), tonumber(values[2])
  if last and math.abs(now - last) > GAP_MS then
    local is_same = resumed and math.abs(now - resumed) <= GRACE_MS
    if not is_same then redis.call('HSET', keys[STATE], 'before', whole(last)) end
    redis.call('HSET', keys[STATE], 'resumed', whole(now))
  end
  redis.call('HSET', keys[STATE], 'read', whole(now))
  if redis.call('HLEN', keys[SEEN]) > MAX_MEMBERS then redis.call('UNLINK', keys[SEEN]) end
  redis.call('HSET', keys[SEEN], member, position .. ' ' .. whole(now))
end

-- epoch revision limit [member]
local function read(keys, args)
  local now = now_ms()
  mend(keys)
  local epoch, newest = state_of(keys, now)
  expire(keys, now)
  local from = (args[1] == epoch or args[1] == '*') and tonumber(args[2]) or 0
  if args[4] then note_reading(keys, args[4], args[1] .. ' ' .. args[2], now) end
  return page(keys, args, epoch, newest, from, now)
end

-- As read, and writes nothing, not even who asks: for a Redis that refuses writes, where nothing is added either. Of a server that
-- may have lost something since, it answers no epoch.
local function look(keys, args)
  local now = now_ms()
  local values = redis.call('HMGET', keys[STATE], 'epoch', 'server', 'revision')
  local epoch, newest = values[1], tonumber(values[3])
  if not epoch or not newest or values[2] ~= server_id() then return { '', 0, 0, 0, whole(now) } end
  local from = (args[1] == epoch or args[1] == '*') and tonumber(args[2]) or 0
  return page(keys, args, epoch, newest, from, now)
end

-- name
local function find(keys, args)
  local found = {}
  for _, id in ipairs(ids_of(keys, args[1])) do
    found[#found + 1] = redis.call('HGET', keys[ENTRIES], id) or ''
  end
  return found
end

-- epoch revision
local function behind(keys, args)
  local now, revision = now_ms(), tonumber(args[2])
  local values = redis.call('HMGET', keys[STATE], 'read', 'before', 'resumed')
  local newest, before, resumed = math.min(tonumber(values[1]) or now, now), tonumber(values[2]), tonumber(values[3])
  local is_new = before and resumed and math.abs(now - resumed) <= GRACE_MS
  -- Time in which nobody read makes nobody silent.
  local function lives(at)
    return math.abs(newest - at) <= SILENCE_MS or (is_new and math.abs(before - at) <= SILENCE_MS)
  end
  local flat, names = redis.call('HGETALL', keys[SEEN]), {}
  for i = 1, #flat, 2 do
    local epoch, seen, text = string.match(flat[i + 1], '^(%S*) (%d+) (%d+)$')
    local at = tonumber(text) or 0
    if math.abs(now - at) > FORGET_MS then redis.call('HDEL', keys[SEEN], flat[i])
    elseif lives(at) and (epoch ~= args[1] or tonumber(seen) < revision) then names[#names + 1] = flat[i] end
  end
  return names
end

-- member
local function leave(keys, args)
  return redis.call('HDEL', keys[SEEN], args[1])
end

-- A Redis at its maxmemory refuses messages, not revocations: they are small, and bounded.
local function register(name, callback, flag)
  local flags = { flag or 'allow-oom' }
  redis.register_function{ function_name = LIBRARY .. '_revocation_' .. name, callback = callback, flags = flags }
end
register('add', add)
register('put', put_back)
register('withdraw', withdraw)
register('read', read)
register('look', look, 'no-writes')
register('find', find, 'no-writes')
register('behind', behind)
register('leave', leave)
`;
