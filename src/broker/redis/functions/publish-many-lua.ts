// The Lua that publishes several messages at once. A part of fanfare-lua.ts, whose names it uses, and those of publish-lua.ts.

/** Chosen: what one call takes at most, of bytes those of the data; Redis serves nobody else meanwhile. */
export const MOST_OF_A_CALL = { messages: 128, bytes: 1024 * 1024 } as const;

export const PUBLISH_MANY_LUA = `
local MOST_MESSAGES = ${MOST_OF_A_CALL.messages}
local MOST_BYTES = ${MOST_OF_A_CALL.bytes}
local batches = 0                 -- so many there were: a number for each
local BAD_BATCH = 'BADARGS FCALL ' .. LIBRARY .. '_publish_many <n> channel... data... [key...], or <n> log tail ... [key...] ' ..
  'and place of the log, data, place of the key or 0, and sender or nothing for each; at most ' .. MOST_MESSAGES .. ' messages'

-- One message of the short form: see publication.
local function short_message(keys, args, at)
  local known, key = named(keys[at]), args[#keys + at]
  if not known then return BAD_CHANNEL end
  if key == '' then key = nil end
  if key and (#key > 128 or string.find(key, '[^!-~]')) then return BAD_KEY end
  return nil, known, key and (base_of_known(known) .. 'key:b:' .. key), args[at]
end

-- The same of the full form: four arguments for each.
local function full_message(keys, args, at)
  local place, data, key, from = tonumber(args[4 * at - 3]), args[4 * at - 2], keys[tonumber(args[4 * at - 1])], args[4 * at]
  local known = kept_at(keys[place], keys[place + 1])
  if not known then return BAD_KEYS end
  if key and bad_scoped(key, base_of_known(known)) then return BAD_KEY end
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

-- Stores the messages behind the one that was the last to be tried; nobody hears of one before all are stored.
local function store_rest(batch)
  local keys, args, message_at, answers, broken = batch.keys, batch.args, batch.message_at, batch.answers, batch.broken
  local number, order, longer, buses, said = batch.number, batch.order, batch.longer, batch.buses, batch.said
  for at = batch.at + 1, batch.count do
    batch.at = at
    local problem, known, key, data, from = message_at(keys, args, at)
    batch.known = known
    local answer, hash = problem or broken[known], nil
    if not answer and (key or #data > MAX_MESSAGE_BYTES) then
      local stored
      hash, stored, answer = known_by(key, data)
      if stored then answer = batch.tells and stored .. DUPLICATE or stored end
    end
    if not answer then
      local previous
      if known.batch == number then
        previous = known.previous
        answer = next_of(known, previous)
        append_more(known.log, answer, data, previous, from)
        known.previous, longer[known] = answer, true
      else
        answer, previous = begin_with(known, data, from)
        known.batch = number
        order[#order + 1] = known
      end
      buses[at], said[at] = known.bus, envelope(answer, previous, from, data)
      if key then call('SET', key, answer .. '|' .. hash, 'PX', KEY_LIFE_MS) end
    end
    answers[at] = answer
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
