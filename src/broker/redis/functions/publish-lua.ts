// The Lua that publishes: one message, or several at once. A part of fanfare-lua.ts, whose names it uses.

/** Chosen: what one call takes at most, of bytes those of the data; Redis serves nobody else meanwhile. */
export const MOST_OF_A_CALL = { messages: 128, bytes: 1024 * 1024 } as const;

export const PUBLISH_LUA = String.raw`
local MOST_MESSAGES = ${MOST_OF_A_CALL.messages}
local MOST_BYTES = ${MOST_OF_A_CALL.bytes}
local TENDED_MS = 1000            -- a log is not given its life anew, nor looked at for what is too old, more often
local BAD_BATCH = 'BADARGS FCALL ' .. LIBRARY .. '_publish_many <n> channel... data... [key...], or <n> log tail ... [key...] ' ..
  'and place of the log, data, place of the key or 0, and sender or nothing for each; at most ' .. MOST_MESSAGES .. ' messages'

-- Last of the full forms' arguments: a key that was used before has a word behind the offset.
local TELL = 'tell'
local DUPLICATE = ' duplicate'

-- Takes away what is too old of a log that has just been written to, and has it live as long as what it holds.
local function tend(known, now)
  local last = known.tended
  if last and now >= last and now - last < TENDED_MS then return end
  -- A few that are too old may stay: readers begin behind them.
  local oldest = string.format('%.0f', math.max(0, now - known.ttl))
  local trimmed = redis.call('XTRIM', known.log, 'MINID', '~', oldest, 'LIMIT', EXPIRED_AT_ONCE)
  redis.call('PEXPIRE', known.log, known.ttl + LOG_GRACE_MS)
  -- Where there was something, there may be more.
  known.tended = trimmed == 0 and now or nil
end

-- Whether an idempotency key is none of the channel with these keys.
local function bad_scoped(key, base)
  local start = base .. 'key:'
  local scoped = string.sub(key, 1, #start) == start and string.sub(key, #start + 1)
  return not scoped or #scoped > 512 or not string.find(scoped, '^[bu]:[!-~]+$')
end

local BAD_FORM = 'BADKEYS on Redis Cluster declare the keys: FCALL ' .. LIBRARY .. '_publish 2 ' ..
  PREFIX .. ':{channel}:log ' .. PREFIX .. ':{channel}:tail data'

-- Of either form what is known of the channel, key, data and sender; or an error first. A name and {name} hash to one slot, but only
-- declared keys move together when a slot migrates.
local function publication(keys, args)
  if #keys == 1 then
    local data, key = args[1], args[2]
    if clustered then return BAD_FORM end
    local known = named(keys[1])
    if not known then return BAD_CHANNEL end
    if not data or #args > 2 then return 'BADARGS FCALL ' .. LIBRARY .. '_publish 1 channel data [key]' end
    if key and (#key < 1 or #key > 128 or string.find(key, '[^!-~]')) then return BAD_KEY end
    return nil, known, key and (known.base .. 'key:b:' .. key), data
  end
  local known = kept_at(keys[1], keys[2])
  if not known or #keys > 3 then return BAD_KEYS end
  local data, from = args[1], args[2]
  if not data or #args > 3 or (args[3] and args[3] ~= TELL) then
    return 'BADARGS FCALL ' .. LIBRARY .. '_publish 2|3 log tail [key] data [from [tell]]'
  end
  if keys[3] and bad_scoped(keys[3], known.base) then return BAD_KEY end
  if from == '' then from = nil end
  if from and not is_sender(from) then return BAD_FROM end
  return nil, known, keys[3], data, from
end

-- The hash of what is published under a key; or the offset that it has got before, or why it is refused.
local function known_by(key, data)
  if #data > MAX_MESSAGE_BYTES then
    return nil, nil, 'TOOLARGE a message has at most ' .. MAX_MESSAGE_BYTES .. ' bytes, this one ' .. #data
  end
  if not key then return end
  local hash = redis.sha1hex(data)
  local used = redis.call('GET', key)
  if not used then return hash end
  if string.sub(used, 32) ~= hash then return nil, nil, 'CONFLICT the idempotency key was used with other data' end
  -- A write, so that a WAIT behind it waits for what was stored before, by another connection.
  redis.call('SET', key, used, 'KEEPTTL')
  return nil, string.sub(used, 1, 30)
end

-- Where a channel's log ends before this call, and what its tail says behind that. A tail as this server left it says so of the log
-- too: both were written in one step, and nobody has written since.
local function end_of(known, now, micros)
  if known.tail and redis.call('GETRANGE', known.tail_key, '0', TAIL_END) == known.tail then
    known.is_same = true
    return known.previous, known.rest
  end
  known.is_same = false
  local previous, begin, _, ends = position(known.log, known.tail_key)
  if not previous then
    previous = mint(nil, now, micros)
    return previous, ' ' .. previous
  end
  if tag_of(previous) ~= tag then ends = string.sub(' ' .. previous .. ends, 1, 31 * ENDS) end
  return previous, ' ' .. begin .. ends
end

-- Takes nothing away of the log: to take entries away one by one costs as much as to add them.
local function append_more(log, id, data, previous, from)
  if from then redis.call('XADD', log, id, 'd', data, 'p', previous, 'u', from)
  else redis.call('XADD', log, id, 'd', data, 'p', previous) end
end

-- The same to a log that may be a new one, and taking away what is too much; answers what Redis does.
local function append(known, id, data, previous, from)
  local log, size = known.log, known.size
  -- Until the tail says so too: what fails between the two leaves a log that is ahead of it.
  known.tail = nil
  local added
  if from then
    added = redis.pcall('XADD', log, 'NOMKSTREAM', 'MAXLEN', '=', size, id, 'd', data, 'p', previous, 'u', from)
  else
    added = redis.pcall('XADD', log, 'NOMKSTREAM', 'MAXLEN', '=', size, id, 'd', data, 'p', previous)
  end
  if added then return added end
  -- A new log has no life of its own yet.
  known.tended = nil
  append_more(log, id, data, previous, from)
  return id
end

-- Stores the first message of a call for this channel. Answers its offset, its predecessor, and what the tail says behind them.
local function begin_with(known, now, micros, data, from)
  local previous, rest = end_of(known, now, micros)
  local id = mint(previous, now)
  local added = append(known, id, data, previous, from)
  if type(added) == 'table' and known.is_same then
    -- Somebody else has written to the log, and not to its tail.
    previous, rest = end_of(known, now, micros)
    id = mint(previous, now)
    added = append(known, id, data, previous, from)
  end
  if type(added) == 'table' then error(added) end
  return id, previous, rest
end

-- Has the tail say where the log ends now, and once a second live on.
local function conclude(known, now, previous, rest)
  local tail, renewed = previous .. rest, known.renewed
  if known.is_same and now >= renewed and now - renewed < TENDED_MS then
    redis.call('SET', known.tail_key, tail, 'KEEPTTL')
  else
    redis.call('SET', known.tail_key, tail, 'PX', TAIL_LIFE)
    known.renewed = now
  end
  known.tail, known.previous, known.rest = tail, previous, rest
end

local function fan(known, id, previous, from, data)
  local sender = from and (' ' .. from) or ''
  redis.call(fan_out, known.bus, '\0011' .. id .. previous .. sender .. '\n' .. data)
end

local function publish(keys, args)
  if not tag then learn_server() end
  local problem, known, key, data, from = publication(keys, args)
  if problem then return redis.error_reply(problem) end
  local hash, stored, refusal = known_by(key, data)
  if refusal then return redis.error_reply(refusal) end
  if stored then return args[3] == TELL and stored .. DUPLICATE or stored end
  local now, micros = now_ms()
  local id, previous, rest = begin_with(known, now, micros, data, from)
  tend(known, now)
  conclude(known, now, id, rest)
  if key then redis.call('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS) end
  fan(known, id, previous, from, data)
  return id
end

-- One message of the short form: see publication.
local function short_message(keys, args, at)
  local known, key = named(keys[at]), args[#keys + at]
  if not known then return BAD_CHANNEL end
  if key == '' then key = nil end
  if key and (#key > 128 or string.find(key, '[^!-~]')) then return BAD_KEY end
  return nil, known, key and (known.base .. 'key:b:' .. key), args[at]
end

-- The same of the full form: four arguments for each.
local function full_message(keys, args, at)
  local place, data, key, from = tonumber(args[4 * at - 3]), args[4 * at - 2], keys[tonumber(args[4 * at - 1])], args[4 * at]
  local known = kept_at(keys[place], keys[place + 1])
  if not known then return BAD_KEYS end
  if key and bad_scoped(key, known.base) then return BAD_KEY end
  if from == '' then from = nil end
  if from and not is_sender(from) then return BAD_FROM end
  return nil, known, key, data, from
end

-- How many messages a call has and how to read each, or nil where it is none; then the bytes of their data, and whether to tell
-- of keys that were used before.
local function form_of(keys, args)
  local count, bytes = #keys, 0
  if not string.find(keys[1] or '{', '{', 1, true) then
    if #args ~= count and #args ~= 2 * count then return nil end
    for at = 1, count do bytes = bytes + #args[at] end
    return count, short_message, bytes
  end
  local last = #args
  local tells = last % 4 == 1 and args[last] == TELL
  if tells then last = last - 1 end
  if count < 2 or last < 4 or last % 4 ~= 0 then return nil end
  for at = 1, last, 4 do
    local log, key = tonumber(args[at]), tonumber(args[at + 2])
    if not log or not key or not keys[log] or not keys[log + 1] or (key ~= 0 and not keys[key]) then return nil end
    bytes = bytes + #args[at + 1]
  end
  return last / 4, full_message, bytes, tells
end

-- Stores one message of several; nobody hears of it before all are stored.
local function store(call, known, key, data, from)
  local hash, stored, refusal = known_by(key, data)
  if refusal then return refusal end
  if stored then return call.tells and stored .. DUPLICATE or stored end
  if not call.now then call.now, call.micros = now_ms() end
  local log, id, previous = call.logs[known.log], nil, nil
  if log then
    known, previous = log.known, log.last
    id = mint(previous, call.now)
    append_more(known.log, id, data, previous, from)
  else
    log = { known = known, added = 0 }
    id, previous, log.rest = begin_with(known, call.now, call.micros, data, from)
    call.logs[known.log] = log
    call.order[#call.order + 1] = log
  end
  log.last, log.added = id, log.added + 1
  local bus, n = call.bus, #call.bus
  bus[n + 1], bus[n + 2], bus[n + 3], bus[n + 4], bus[n + 5] = known, id, previous, from or false, data
  if key then redis.call('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS) end
  return id
end

-- Says where the logs end now, and to whoever listens what was stored, in its order.
local function finish(call)
  for _, log in ipairs(call.order) do
    local known = log.known
    if log.added > 1 then redis.call('XTRIM', known.log, 'MAXLEN', '=', known.size) end
    tend(known, call.now)
    conclude(known, call.now, log.last, log.rest)
  end
  local bus = call.bus
  for at = 1, #bus, 5 do fan(bus[at], bus[at + 1], bus[at + 2], bus[at + 3], bus[at + 4]) end
end

-- What redis.call raised, as a text that begins with its code.
local function raised(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, '^[A-Z]') and text or ('ERR ' .. text)
end

-- Several messages in one step, in their order. For each its offset, which begins with a digit, or the error that it would
-- have had alone, which begins with a letter. What Redis itself refuses ends its channel: no later one comes before it.
local function publish_many(keys, args)
  if not tag then learn_server() end
  local count, message_at, bytes, tells = form_of(keys, args)
  if not count or count > MOST_MESSAGES then return redis.error_reply(BAD_BATCH) end
  if bytes > MOST_BYTES then
    return redis.error_reply('TOOLARGE the messages of one call have at most ' .. MOST_BYTES .. ' bytes, these ' .. bytes)
  end
  if clustered and message_at == short_message then return redis.error_reply(BAD_FORM) end
  local call = { logs = {}, order = {}, bus = {}, tells = tells }
  local answers, broken = {}, {}
  for at = 1, count do
    local problem, known, key, data, from = message_at(keys, args, at)
    if problem or broken[known.log] then
      answers[at] = problem or broken[known.log]
    else
      local ok, answer = pcall(store, call, known, key, data, from)
      answers[at] = ok and answer or raised(answer)
      if not ok then broken[known.log] = answers[at] end
    end
  end
  finish(call)
  return answers
end
`;
