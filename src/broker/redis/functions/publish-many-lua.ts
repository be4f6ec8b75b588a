// The Lua that publishes several messages at once. A part of fanfare-lua.ts, whose names it uses, and those of publish-lua.ts.

/** Chosen: what one call takes at most, of bytes those of the data; Redis serves nobody else meanwhile. */
export const MOST_OF_A_CALL = { messages: 128, bytes: 1024 * 1024 } as const;

export const PUBLISH_MANY_LUA = `
local MOST_MESSAGES = ${MOST_OF_A_CALL.messages}
local MOST_BYTES = ${MOST_OF_A_CALL.bytes}
local batches = 0                 -- so many there were: a number for each
local BAD_BATCH = 'BADARGS FCALL ' .. LIBRARY .. '_publish_many <n> channel... data... [key...], or <n> log tail ... [key...] ' ..
  'and place of the log, data, place of the key or 0, and sender or nothing for each; at most ' .. MOST_MESSAGES .. ' messages'

-- Of each message of a call what is known of its channel, or false where that is none: a table that is kept, as to have one grow costs time. And the
-- channels that have several in it; nil where none has.
local known_of, several = {}, nil

-- Notes the channel of the message at a place.
local function note(at, known)
  known_of[at] = known or false
  if not known then return end
  if known.batch ~= batches then known.batch = batches return end
  several = several or {}
  several[known] = true
end

-- Data, key and sender of a message of the short form, or an error first: see publication.
local function short_message(keys, args, at, known)
  local key = args[#keys + at]
  if not key or key == '' then return nil, args[at] end
  if #key > 128 or string.find(key, '[^!-~]') then return BAD_KEY end
  return nil, args[at], base_of_known(known) .. 'key:b:' .. key
end

-- The same of the full form: four arguments for each.
local function full_message(keys, args, at, known)
  local place, from = args[4 * at - 1], args[4 * at]
  local key = place ~= '0' and keys[tonumber(place)] or nil
  if key and bad_scoped(key, base_of_known(known)) then return BAD_KEY end
  if from == '' then from = nil end
  if from and not is_sender(from) then return BAD_FROM end
  return nil, args[4 * at - 2], key, from
end

-- How many messages a call has and how to read each, or nil where it is none; then the bytes of their data, and whether to tell
-- of keys that were used before.
local function form_of(keys, args)
  local count, bytes = #keys, 0
  if not string.find(keys[1] or '{', '{', 1, true) then
    if count > MOST_MESSAGES or (#args ~= count and #args ~= 2 * count) then return nil end
    for at = 1, count do
      bytes = bytes + #args[at]
      note(at, named(keys[at]))
    end
    return count, short_message, bytes
  end
  local last = #args
  local tells = last % 4 == 1 and args[last] == TELL
  if tells then last = last - 1 end
  if count < 2 or last < 4 or last > 4 * MOST_MESSAGES or last % 4 ~= 0 then return nil end
  for at = 1, last, 4 do
    local log, key = tonumber(args[at]), tonumber(args[at + 2])
    if not log or not key or not keys[log] or not keys[log + 1] or (key ~= 0 and not keys[key]) then return nil end
    bytes = bytes + #args[at + 1]
    note((at + 3) / 4, kept_at(keys[log], keys[log + 1]))
  end
  return last / 4, full_message, bytes, tells
end

-- Stores the messages behind the one that was the last to be tried. Of a channel that has several in this call the tail is read with the first, and
-- written when all are there.
local function store_rest(batch)
  local keys, args, message_at, answers, broken = batch.keys, batch.args, batch.message_at, batch.answers, batch.broken
  local several, begun, order, plain = several, batch.begun, batch.order, batch.plain
  for at = batch.at + 1, batch.count do
    batch.at = at
    local known = known_of[at]
    local answer, data, key, from, hash = broken[known], nil, nil, nil, nil
    if not known then answer = batch.stranger
    elseif plain then data = args[at]
    elseif not answer then answer, data, key, from = message_at(keys, args, at, known) end
    if not answer and (key or #data > MAX_MESSAGE_BYTES) then
      local stored
      hash, stored, answer = known_by(key, data)
      if stored then answer = batch.tells and stored .. DUPLICATE or stored end
    end
    if not answer then
      local is_one_of_several = several and several[known]
      local further = is_one_of_several and begun[known]
      local previous
      if further then
        previous = known.previous
        answer = next_of(known, previous)
        append_more(known.log, answer, data, previous, from)
        known.previous, begun[known] = answer, further + 1
      else
        answer, previous = begin_with(known, data, from, append_loosely)
        if is_one_of_several then begun[known], order[#order + 1] = 0, known else conclude(known) end
      end
      if key then remember(key, answer, hash) end
      tell(known, envelope(answer, previous, from, data))
    end
    answers[at] = answer
  end
end

-- Says where the logs end now that have got several.
local function finish(batch)
  for _, known in ipairs(batch.order) do
    local over = known.over and known.over + batch.begun[known]
    known.over = over
    if not over or over > 0 then shorten(known) end
    conclude(known)
  end
end

-- Several messages in one step, in their order. For each its offset, which begins with a digit, or the error that it would
-- have had alone, which begins with a letter. What Redis itself refuses ends its channel: no later one comes before it.
local function publish_many(keys, args)
  begin_call()
  batches, several = batches + 1, nil
  local count, message_at, bytes, tells = form_of(keys, args)
  if not count then return redis.error_reply(BAD_BATCH) end
  if bytes > MOST_BYTES then
    return redis.error_reply('TOOLARGE the messages of one call have at most ' .. MOST_BYTES .. ' bytes, these ' .. bytes)
  end
  if clustered and message_at == short_message then return redis.error_reply(BAD_FORM) end
  look_at_clock()
  local answers, broken = {}, {}
  local batch = {
    keys = keys, args = args, at = 0, count = count, message_at = message_at, tells = tells,
    plain = message_at == short_message and #args == count, -- without keys
    answers = answers, broken = broken, order = {}, begun = {},
    stranger = message_at == short_message and BAD_CHANNEL or BAD_KEYS,
  }
  repeat
    local ok, failure = pcall(store_rest, batch)
    if not ok then
      local at = batch.at
      answers[at] = raised(failure)
      broken[known_of[at]] = answers[at]
    end
  until ok
  finish(batch)
  return answers
end
`;
