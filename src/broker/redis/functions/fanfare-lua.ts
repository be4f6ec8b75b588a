// The Lua of the channels' functions: publish, open, read. Runs inside Redis, each call as one atomic step.

import { ERASE_LUA } from './erase-lua.js';
import { KNOWN_LUA } from './known-lua.js';
import { MINT_LUA } from './mint-lua.js';
import { PUBLISH_LUA } from './publish-lua.js';
import { PUBLISH_MANY_LUA } from './publish-many-lua.js';
import { READ_LUA } from './read-lua.js';

/**
 * Follows what function-library.ts puts before it: `PREFIX`, `BUS`, `LIBRARY`, `MAX_MESSAGE_BYTES`, `history_of(channel)`.
 *
 * Offsets are Stream ids padded to 30 characters, so that text order is log order. `{prefix}:{ch}:tail` holds the newest
 * position, the one at which this history began (the same until something is published), and of the last few masters
 * that wrote before this one where each of them ended, the latest first: so that nobody has to look for that in the log.
 *
 * No call costs more than a bounded number of entries and bytes, whatever its arguments are: see read-lua.ts.
 */
export const FANFARE_LUA = String.raw`
${MINT_LUA}
local KEY_LIFE_MS = 600000        -- 10 min
local TAIL_LIFE = '2592000000'    -- 30 days, in milliseconds
local OPENED_LIFE_MS = 300000     -- 5 min, of a tail before anything was published; readers renew it
local LOG_GRACE_MS = 60000        -- a log outlives its last entry by this much
local BEGINNING = '0000000000000-0000000000000000'
local ENDS = 8                    -- former masters of which a tail says where they ended
local MAX_TAIL_BYTES = 61 + 31 * ENDS
local OFFSET_END = '29'           -- of the one that a tail begins with, in text: a number is made one by each call that is given it
local MAX_FROM_BYTES = 1900
local EXPIRED_AT_ONCE = 1000      -- entries that are too old, of which one call takes so many away

local clustered
local fan_out                     -- PUBLISH, or SPUBLISH in a Cluster
-- Quicker than looked up each time in redis and string, which have nothing of this before the first call.
local call, softly, format, sub
local micros                      -- of the second that now is of
local second, second_ms           -- that second as Redis says it, and in milliseconds

local function learn_server()
  call, softly, format, sub = redis.call, redis.pcall, string.format, string.sub
  if not THREE[0] then make_digits() end
  local info = redis.call('INFO', 'replication', 'cluster')
  clustered = string.find(info, 'cluster_enabled:1', 1, true) ~= nil
  fan_out = clustered and 'SPUBLISH' or 'PUBLISH'
  if string.find(info, 'role:master', 1, true) then
    tag = tonumber(string.sub(string.match(info, 'master_replid:(%x+)'), 1, 8), 16)
  end
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), tonumber(time[2])
end

-- Has now be the moment of this call.
local function look_at_clock()
  local time = call('TIME')
  if time[1] ~= second then second, second_ms = time[1], time[1] * 1000 end
  micros = tonumber(time[2])
  local ms = math.floor(micros / 1000)
  now = second_ms + ms
  now_text = #second == 10 and second .. THREE[ms] or format('%013.0f', now)
end

local function pad(id)
  if #id == 30 then return id end
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return string.format('%013.0f-%016.0f', ms, seq)
end

local function tag_of(offset)
  return math.floor(tonumber(string.sub(offset, 15)) / COUNTERS)
end

-- The newest position and the begin of the history, from the tail or, where that is missing or behind, from the log;
-- nil where the channel has neither. The third result: whether the tail key holds them; the fourth: where former masters
-- ended, each after a space.
local function position(log, tail_key)
  local value = redis.call('GETRANGE', tail_key, 0, MAX_TAIL_BYTES)
  local tail, begin, ends
  if #value <= MAX_TAIL_BYTES and #value % 31 == 30 and string.find(value, '^%d+%-%d+ %d+%-%d+[ %d-]*$') then
    tail, begin, ends = string.sub(value, 1, 30), string.sub(value, 32, 61), string.sub(value, 62)
  end
  local newer = redis.call('XREVRANGE', log, '+', tail and ('(' .. tail) or '-', 'COUNT', 1)[1]
  if newer then return pad(newer[1]), begin or BEGINNING, false, '' end
  if tail then return tail, begin, true, ends end
  if redis.call('EXISTS', log) == 1 then
    local info = redis.call('XINFO', 'STREAM', log)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' and info[i + 1] ~= '0-0' then return pad(info[i + 1]), BEGINNING, false, '' end
    end
  end
end

-- Whether the clock comes to an offset behind this one: others may have written an id of microseconds, or the last of all milliseconds.
local function can_be_followed(offset)
  return #offset == 30 and sub(offset, 1, 13) ~= '9999999999999'
end

-- What whoever publishes or opens is told of a log or tail of that kind.
local function bad_log(log, ending)
  return redis.error_reply('BADLOG ' .. log .. ' or its tail ends with ' .. ending .. ', behind which nothing can be added: delete the channel')
end

local function bad_name(channel)
  if #channel < 1 or #channel > 200 then return true end
  if string.find(channel, '[^A-Za-z0-9_.:@=+~-]') or channel == '.' or channel == '..' then return true end
  local colon = string.find(channel, ':', 1, true)
  return colon == 1 or colon == #channel
end

local LOG_PATTERN = '^' .. PREFIX .. ':{([^{}]*)}:log$'

-- The channel whose log and tail are declared as the first two keys.
local function declared(keys)
  local channel = keys[1] and string.match(keys[1], LOG_PATTERN)
  if not channel or bad_name(channel) or keys[2] ~= PREFIX .. ':{' .. channel .. '}:tail' then return nil end
  return channel
end

local BAD_CHANNEL = 'BADCHANNEL a channel name has 1..200 of A-Z a-z 0-9 _ . : @ = + ~ -, is not . or .. and has no empty part around its first colon'
local BAD_KEYS = 'BADCHANNEL the keys are ' .. PREFIX .. ':{channel}:log and ' .. PREFIX .. ':{channel}:tail of one good channel'
local BAD_KEY = 'BADKEY an idempotency key has 1..128 printable ASCII characters; declared, it is ' .. PREFIX .. ':{channel}:key:b:<key>'

local BAD_FROM = 'BADARGS from is one JSON object on one line, of at most ' .. MAX_FROM_BYTES .. ' bytes'

-- It stands before a line break on the bus: with one of its own, subscribers and readers of the log would not see the same.
local function is_sender(from)
  if #from > MAX_FROM_BYTES or not string.find(from, '^{[^%z\1-\31]*}$') then return false end
  local ok, sender = pcall(cjson.decode, from)
  return ok and type(sender) == 'table'
end

${KNOWN_LUA}
${PUBLISH_LUA}
${PUBLISH_MANY_LUA}
-- Gives a channel without a tail one: what its log ends with, or a position of its own. Returns the tail.
local function open(keys)
  if not declared(keys) then return redis.error_reply(BAD_KEYS) end
  if not tag then learn_server() end
  local log, tail_key = keys[1], keys[2]
  local tail, begin, kept = position(log, tail_key)
  if tail and not can_be_followed(tail) then return bad_log(log, tail) end
  if kept then
    if tail == begin then redis.call('PEXPIRE', tail_key, OPENED_LIFE_MS) end
    return tail
  end
  if tail then
    redis.call('SET', tail_key, tail .. ' ' .. begin, 'PX', TAIL_LIFE)
    return tail
  end
  local now, micros = now_ms()
  tail = mint(nil, now, micros)
  redis.call('SET', tail_key, tail .. ' ' .. tail, 'PX', OPENED_LIFE_MS)
  return tail
end

${READ_LUA}
${ERASE_LUA}
redis.register_function(LIBRARY .. '_publish', publish)
redis.register_function(LIBRARY .. '_publish_many', publish_many)
redis.register_function(LIBRARY .. '_open', open)
redis.register_function(LIBRARY .. '_erase', erase)
redis.register_function(LIBRARY .. '_forgot', forgot)
redis.register_function{ function_name = LIBRARY .. '_who_forgot', callback = who_forgot, flags = { 'no-writes' } }
redis.register_function{ function_name = LIBRARY .. '_read', callback = read, flags = { 'no-writes' } }
`;
