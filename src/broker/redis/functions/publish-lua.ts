// The Lua that publishes: one message, or several at once. A part of fanfare-lua.ts, whose names it uses.

/** Chosen: what one call takes at most, of bytes those of the data; Redis serves nobody else meanwhile. */
export const MOST_OF_A_CALL = { messages: 128, bytes: 1024 * 1024 } as const;

export const PUBLISH_LUA = String.raw`
local MOST_MESSAGES = ${MOST_OF_A_CALL.messages}
local MOST_BYTES = ${MOST_OF_A_CALL.bytes}
local TENDED_MS = 1000            -- a log is not given its life anew, nor looked at for what is too old, more often
local batches = 0                 -- so many there were: a number for each
local BAD_BATCH = 'BADARGS FCALL ' .. LIBRARY .. '_publish_many <n> channel... data... [key...], or <n> log tail ... [key...] ' ..
  'and place of the log, data, place of the key or 0, and sender or nothing for each; at most ' .. MOST_MESSAGES .. ' messages'

-- Last of the full forms' arguments: a key that was used before has a word behind the offset.
local TELL = 'tell'
local DUPLICATE = ' duplicate'

-- Takes away what is too old of a log that has just been written to, and has it live as long as what it holds.
local function tend(known)
  -- A few that are too old may stay: readers begin behind them.
  local oldest = format('%.0f', math.max(0, now - known.ttl))
  local trimmed = call('XTRIM', known.log, 'MINID', '~', oldest, 'LIMIT', EXPIRED_AT_ONCE)
  call('PEXPIRE', known.log, known.ttl + LOG_GRACE_MS)
  -- Where there was something, there may be more.
  known.due = trimmed == 0 and now + TENDED_MS or 0
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
  local used = call('GET', key)
  if not used then return hash end
  if sub(used, 32) ~= hash then return nil, nil, 'CONFLICT the idempotency key was used with other data' end
  -- A write, so that a WAIT behind it waits for what was stored before, by another connection.
  call('SET', key, used, 'KEEPTTL')
  return nil, sub(used, 1, 30)
end

-- Takes nothing away of the log: to take entries away one by one costs as much as to add them.
local function append_more(log, id, data, previous, from)
  if from then call('XADD', log, id, 'd', data, 'p', previous, 'u', from)
  else call('XADD', log, id, 'd', data, 'p', previous) end
end

-- The same to a log that may be a new one, and taking away what is too much. Whether Redis did, and its refusal.
local function append(known, id, data, previous, from)
  local log, added = known.log, nil
  -- Until the tail says so too: what fails between the two leaves a log that is ahead of it.
  known.tail = nil
  if from then
    added = softly('XADD', log, 'NOMKSTREAM', 'MAXLEN', known.size, id, 'd', data, 'p', previous, 'u', from)
  else
    added = softly('XADD', log, 'NOMKSTREAM', 'MAXLEN', known.size, id, 'd', data, 'p', previous)
  end
  if not added then
    -- A new log has no life of its own yet.
    known.due = 0
    append_more(log, id, data, previous, from)
  elseif type(added) == 'table' then
    return false, added
  end
  known.previous = id
  return true
end

-- Where a channel's log ends before this call, and what its tail says behind that; of a channel of which nothing is known, or other than it is.
local function end_of(known)
  local previous, begin, _, ends = position(known.log, known.tail_key)
  if not previous then
    previous = mint(nil, now, micros)
    return previous, ' ' .. previous
  end
  if tag_of(previous) ~= tag then ends = sub(' ' .. previous .. ends, 1, 31 * ENDS) end
  return previous, ' ' .. begin .. ends
end

-- Stores the first message of a call for this channel. Answers its offset and its predecessor. A tail as this server left it says where
-- the log ends too: both were written in one step, and nobody has written since.
local function begin_with(known, data, from)
  local tail = known.tail
  if tail and call('GETRANGE', known.tail_key, '0', TAIL_END) == tail then
    local previous = known.previous
    local id = next_of(known, previous)
    -- But where somebody else has written to the log, and not to its tail.
    if append(known, id, data, previous, from) then return id, previous end
  end
  local previous, rest = end_of(known)
  local id = mint(previous, now)
  local ok, refusal = append(known, id, data, previous, from)
  if not ok then error(refusal) end
  known.rest, known.due = rest, 0
  count_from(known, id)
  return id, previous
end

-- Has the tail say where the log ends now; and once a second log and tail live on.
local function conclude(known)
  local tail, due = known.previous .. known.rest, known.due
  if now < due and now >= due - TENDED_MS then
    call('SET', known.tail_key, tail, 'KEEPTTL')
  else
    tend(known)
    call('SET', known.tail_key, tail, 'PX', TAIL_LIFE)
  end
  known.tail = tail
end

-- What the bus carries of a message.
local function envelope(id, previous, from, data)
  if from then return '\0011' .. id .. previous .. ' ' .. from .. '\n' .. data end
  return '\0011' .. id .. previous .. '\n' .. data
end

local function publish(keys, args)
  begin_call()
  local problem, known, key, data, from = publication(keys, args)
  if problem then return redis.error_reply(problem) end
  local hash
  if key or #data > MAX_MESSAGE_BYTES then
    local stored, refusal
    hash, stored, refusal = known_by(key, data)
    if refusal then return redis.error_reply(refusal) end
    if stored then return args[3] == TELL and stored .. DUPLICATE or stored end
  end
  look_at_clock()
  local id, previous = begin_with(known, data, from)
  conclude(known)
  if key then call('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS) end
  call(fan_out, known.bus, envelope(id, previous, from, data))
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
local function store(batch, at, known, key, data, from)
  local hash
  if key or #data > MAX_MESSAGE_BYTES then
    local stored, refusal
    hash, stored, refusal = known_by(key, data)
    if refusal then return refusal end
    if stored then return batch.tells and stored .. DUPLICATE or stored end
  end
  local id, previous
  if known.batch == batch.number then
    previous = known.previous
    id = next_of(known, previous)
    append_more(known.log, id, data, previous, from)
    known.previous, batch.longer[known] = id, true
  else
    id, previous = begin_with(known, data, from)
    known.batch = batch.number
    local order = batch.order
    order[#order + 1] = known
  end
  batch.buses[at], batch.said[at] = known.bus, envelope(id, previous, from, data)
  if key then call('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS) end
  return id
end

-- Stores the messages behind the one that was the last to be tried.
local function store_rest(batch)
  local keys, args, message_at, answers, broken = batch.keys, batch.args, batch.message_at, batch.answers, batch.broken
  for at = batch.at + 1, batch.count do
    batch.at = at
    local problem, known, key, data, from = message_at(keys, args, at)
    batch.known = known
    answers[at] = problem or broken[known] or store(batch, at, known, key, data, from)
  end
end

-- Says where the logs end now, and to whoever listens what was stored, in its order.
local function finish(batch)
  for _, known in ipairs(batch.order) do
    if batch.longer[known] then call('XTRIM', known.log, 'MAXLEN', known.size) end
    conclude(known)
  end
  local buses, said = batch.buses, batch.said
  for at = 1, batch.count do
    if said[at] then call(fan_out, buses[at], said[at]) end
  end
end

-- What redis.call raised, as a text that begins with its code.
local function raised(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, '^[A-Z]') and text or ('ERR ' .. text)
end

-- Several messages in one step, in their order. For each its offset, which begins with a digit, or the error that it would
-- have had alone, which begins with a letter. What Redis itself refuses ends its channel: no later one comes before it.
local function publish_many(keys, args)
  begin_call()
  local count, message_at, bytes, tells = form_of(keys, args)
  if not count or count > MOST_MESSAGES then return redis.error_reply(BAD_BATCH) end
  if bytes > MOST_BYTES then
    return redis.error_reply('TOOLARGE the messages of one call have at most ' .. MOST_BYTES .. ' bytes, these ' .. bytes)
  end
  if clustered and message_at == short_message then return redis.error_reply(BAD_FORM) end
  look_at_clock()
  batches = batches + 1
  local answers, broken = {}, {}
  local batch = {
    number = batches, keys = keys, args = args, at = 0, count = count, message_at = message_at, tells = tells,
    answers = answers, broken = broken, order = {}, longer = {}, buses = {}, said = {},
  }
  repeat
    local ok, failure = pcall(store_rest, batch)
    if not ok then
      local at = batch.at
      answers[at] = raised(failure)
      broken[batch.known] = answers[at]
    end
  until ok
  finish(batch)
  return answers
end
`;
