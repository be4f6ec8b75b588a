// The Lua that publishes: one message, or several at once. A part of fanfare-lua.ts, whose names it uses.

/** Chosen: what one call takes at most, of bytes those of the data; Redis serves nobody else meanwhile. */
export const MOST_OF_A_CALL = { messages: 128, bytes: 1024 * 1024 } as const;

export const PUBLISH_LUA = String.raw`
local MOST_MESSAGES = ${MOST_OF_A_CALL.messages}
local MOST_BYTES = ${MOST_OF_A_CALL.bytes}
local TENDED_MS = 1000            -- a log is not given its life anew, nor looked at for what is too old, more often
local MAX_TENDED = 4096           -- logs of which that is remembered
local BAD_BATCH = 'BADARGS FCALL ' .. PREFIX .. '_publish_many <n> channel... data... [key...], or <n> log tail ... [key...] ' ..
  'and place of the log, data, place of the key or 0, and sender or nothing for each; at most ' .. MOST_MESSAGES .. ' messages'

local tended, tended_count = {}, 0

-- Takes away what is too old of a log that has just been written to, and has it live as long as what it holds.
local function tend(log, now, ttl)
  local last = tended[log]
  if last and now >= last and now - last < TENDED_MS then return end
  -- A few that are too old may stay: readers begin behind them.
  local oldest = string.format('%.0f', math.max(0, now - ttl))
  local trimmed = redis.call('XTRIM', log, 'MINID', '~', oldest, 'LIMIT', EXPIRED_AT_ONCE)
  redis.call('PEXPIRE', log, ttl + LOG_GRACE_MS)
  if not last then
    if tended_count >= MAX_TENDED then tended, tended_count = {}, 0 end
    tended_count = tended_count + 1
  end
  -- Where there was something, there may be more.
  tended[log] = trimmed == 0 and now or 0
end

local function base_of(channel)
  return PREFIX .. ':{' .. channel .. '}:'
end

-- Either form's channel, keys, data and sender; or an error. A name and {name} hash to one slot, but only declared
-- keys move together when a slot migrates.
local function publication(keys, args)
  if #keys == 1 then
    local channel, data, key = keys[1], args[1], args[2]
    if clustered then
      return 'BADKEYS on Redis Cluster declare the keys: FCALL ' .. PREFIX .. '_publish 2 ' ..
        PREFIX .. ':{channel}:log ' .. PREFIX .. ':{channel}:tail data'
    end
    if bad_name(channel) then return BAD_CHANNEL end
    if not data or #args > 2 then return 'BADARGS FCALL ' .. PREFIX .. '_publish 1 channel data [key]' end
    if key and (#key < 1 or #key > 128 or string.find(key, '[^!-~]')) then return BAD_KEY end
    local base = base_of(channel)
    return nil, channel, base .. 'log', base .. 'tail', key and (base .. 'key:b:' .. key), data
  end
  local channel = declared(keys)
  if not channel or #keys > 3 then return BAD_KEYS end
  local data, from = args[1], args[2]
  if not data or #args > 2 then return 'BADARGS FCALL ' .. PREFIX .. '_publish 2|3 log tail [key] data [from]' end
  if keys[3] then
    local base = base_of(channel) .. 'key:'
    local scoped = string.sub(keys[3], 1, #base) == base and string.sub(keys[3], #base + 1)
    if not scoped or #scoped > 512 or not string.find(scoped, '^[bu]:[!-~]+$') then return BAD_KEY end
  end
  if from == '' then from = nil end
  if from and not is_sender(from) then return BAD_FROM end
  return nil, channel, keys[1], keys[2], keys[3], data, from
end

-- What one call does: the time, and of each channel what is to be written once all is stored.
local function new_call()
  if not tag then learn_server() end
  return { logs = {}, order = {}, bus = {} }
end

-- What a call knows of a channel: read for the first of its messages.
local function log_of(call, channel, log, tail_key)
  local known = call.logs[log]
  if known then return known end
  if not call.now then call.now, call.micros = now_ms() end
  local previous, begin, _, ends = position(log, tail_key)
  if not previous then
    previous = mint(nil, call.now, call.micros)
    begin, ends = previous, ''
  elseif tag_of(previous) ~= tag then
    ends = string.sub(' ' .. previous .. ends, 1, 31 * ENDS)
  end
  local size, ttl = limits_of(channel)
  known = { log = log, tail_key = tail_key, previous = previous, rest = ' ' .. begin .. ends, size = size, ttl = ttl }
  call.logs[log] = known
  call.order[#call.order + 1] = known
  return known
end

local function append(known, id, data, from)
  local log, size, previous = known.log, known.size, known.previous
  local added
  if from then
    added = redis.call('XADD', log, 'NOMKSTREAM', 'MAXLEN', '=', size, id, 'd', data, 'p', previous, 'u', from)
  else
    added = redis.call('XADD', log, 'NOMKSTREAM', 'MAXLEN', '=', size, id, 'd', data, 'p', previous)
  end
  if added then return end
  -- A new log has no life of its own yet.
  if tended[log] then tended[log] = 0 end
  if from then redis.call('XADD', log, id, 'd', data, 'p', previous, 'u', from)
  else redis.call('XADD', log, id, 'd', data, 'p', previous) end
end

-- Stores one message; answers its offset, or nil and an error. Nobody hears of it before the call is ended.
local function store(call, channel, log, tail_key, key, data, from)
  if #data > MAX_MESSAGE_BYTES then
    return nil, 'TOOLARGE a message has at most ' .. MAX_MESSAGE_BYTES .. ' bytes, this one ' .. #data
  end
  local hash
  if key then
    hash = redis.sha1hex(data)
    local used = redis.call('GET', key)
    if used then
      if string.sub(used, 32) ~= hash then return nil, 'CONFLICT the idempotency key was used with other data' end
      -- A write, so that a WAIT behind it waits for what was stored before, by another connection.
      redis.call('SET', key, used, 'KEEPTTL')
      return string.sub(used, 1, 30)
    end
  end
  local known = log_of(call, channel, log, tail_key)
  local id = mint(known.previous, call.now)
  append(known, id, data, from)
  local sender = from and (' ' .. from) or ''
  local bus = call.bus
  bus[#bus + 1] = PREFIX .. ':{' .. channel .. '}'
  bus[#bus + 1] = '\0011' .. id .. known.previous .. sender .. '\n' .. data
  known.previous, known.isNew = id, true
  if key then redis.call('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS) end
  return id
end

-- Says where the logs end now, and to whoever listens what was stored, in its order.
local function finish(call)
  for _, known in ipairs(call.order) do
    if known.isNew then
      tend(known.log, call.now, known.ttl)
      redis.call('SET', known.tail_key, known.previous .. known.rest, 'PX', TAIL_LIFE_MS)
    end
  end
  local bus = call.bus
  for at = 1, #bus, 2 do redis.call(fan_out, bus[at], bus[at + 1]) end
end

local function publish(keys, args)
  local call = new_call()
  local problem, channel, log, tail_key, key, data, from = publication(keys, args)
  if problem then return redis.error_reply(problem) end
  local id, refusal = store(call, channel, log, tail_key, key, data, from)
  if refusal then return redis.error_reply(refusal) end
  finish(call)
  return id
end

-- The keys and arguments that each message of a call would have alone; nil where the call is none.
local function messages_of(keys, args)
  local count = #keys
  local messages, bytes = {}, 0
  if not string.find(keys[1] or '{', '{', 1, true) then
    if #args ~= count and #args ~= 2 * count then return nil end
    for at = 1, count do
      local key = args[count + at]
      if key == '' then key = nil end
      messages[at] = { { keys[at] }, { args[at], key } }
      bytes = bytes + #args[at]
    end
  else
    if count < 2 or #args % 4 ~= 0 then return nil end
    for at = 1, #args, 4 do
      local log, data, key, from = tonumber(args[at]), args[at + 1], tonumber(args[at + 2]), args[at + 3]
      if not log or not key or not keys[log] or not keys[log + 1] or (key ~= 0 and not keys[key]) then return nil end
      messages[#messages + 1] = { { keys[log], keys[log + 1], keys[key] }, { data, from } }
      bytes = bytes + #data
    end
  end
  if #messages < 1 or #messages > MOST_MESSAGES then return nil end
  return messages, bytes
end

-- What redis.call raised, as a text that begins with its code.
local function raised(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, '^[A-Z]') and text or ('ERR ' .. text)
end

-- Several messages in one step, in their order. For each its offset, which begins with a digit, or the error that it would
-- have had alone, which begins with a letter. What Redis itself refuses ends its channel: no later one comes before it.
local function publish_many(keys, args)
  local call = new_call()
  local messages, bytes = messages_of(keys, args)
  if not messages then return redis.error_reply(BAD_BATCH) end
  if bytes > MOST_BYTES then
    return redis.error_reply('TOOLARGE the messages of one call have at most ' .. MOST_BYTES .. ' bytes, these ' .. bytes)
  end
  local answers, broken = {}, {}
  for at, message in ipairs(messages) do
    local problem, channel, log, tail_key, key, data, from = publication(message[1], message[2])
    if problem or broken[log] then
      answers[at] = problem or broken[log]
    else
      local ok, id, refusal = pcall(store, call, channel, log, tail_key, key, data, from)
      answers[at] = ok and (id or refusal) or raised(id)
      if not ok then broken[log] = answers[at] end
    end
  end
  finish(call)
  return answers
end
`;
