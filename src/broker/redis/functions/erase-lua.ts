// The Lua that deletes what a channel holds, and keeps who has forgotten it. A part of fanfare-lua.ts, whose names it uses.

export const ERASE_LUA = String.raw`
local FORGOT_LIFE_MS = 60000      -- of what is kept of who has forgotten
local MAX_NODE_BYTES = 128
local NOBODY_KNOWS = 2147483647   -- how many would have to forget where the bus was refused: more than can say so

local function bad_forgot(keys)
  local channel = declared(keys)
  return not channel or keys[3] ~= base_of(channel) .. 'forgot'
end

-- The history begins anew, behind all that it ever held: every position before is gone, and says so. Answers where it
-- begins, and how many subscriptions were told, or NOBODY_KNOWS. Idempotency keys stay, so that what was published is not published again.
local function erase(keys)
  if bad_forgot(keys) then return redis.error_reply(BAD_KEYS) end
  if not tag then learn_server() end
  local channel = declared(keys)
  local now, micros = now_ms()
  local tail = position(keys[1], keys[2])
  -- Behind what nothing can follow it begins as if nothing had been there.
  local begin = tail and can_be_followed(tail) and mint(tail, now) or mint(nil, now, micros)
  redis.call('UNLINK', keys[1], keys[3])
  redis.call('SET', keys[2], begin .. ' ' .. begin, 'PX', TAIL_LIFE)
  local told = redis.pcall(fan_out, BUS .. ':{' .. channel .. '}', '\0010' .. begin)
  return { begin, type(told) == 'number' and told or NOBODY_KNOWS }
end

-- A node holds nothing any more of what came before begin.
local function forgot(keys, args)
  local begin, node = args[1], args[2]
  if bad_forgot(keys) then return redis.error_reply(BAD_KEYS) end
  if not node or #begin ~= 30 or #node > MAX_NODE_BYTES then
    return redis.error_reply('BADARGS FCALL ' .. LIBRARY .. '_forgot 3 log tail forgot begin node')
  end
  redis.call('HSET', keys[3], node, begin)
  redis.call('PEXPIRE', keys[3], FORGOT_LIFE_MS)
  return 1
end

-- The nodes that have forgotten what came before begin, or before a later one.
local function who_forgot(keys, args)
  if bad_forgot(keys) then return redis.error_reply(BAD_KEYS) end
  local nodes, all = {}, redis.call('HGETALL', keys[3])
  for i = 1, #all, 2 do
    if all[i + 1] >= (args[1] or '') then nodes[#nodes + 1] = all[i] end
  end
  return nodes
end
`;
