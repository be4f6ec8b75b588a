// The Lua that publishes a message. A part of fanfare-lua.ts, whose names it uses.

export const PUBLISH_LUA = String.raw`
local TENDED_MS = 1000            -- a log is not given its life anew, nor looked at for what is too old, more often
local FORBIDDEN_MS = 60000        -- what a user has no right to is not asked for more often: Redis keeps a list of it
local forbidden                   -- when somebody had no right to SETRANGE
local lamented                    -- when Redis' log was told of what belongs to a message and was refused

-- Last of the full forms' arguments: a key that was used before has a word behind the offset.
local TELL = 'tell'
local DUPLICATE = ' duplicate'

-- What redis.call raised, as a text that begins with its code.
local function raised(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, '^[A-Z]') and text or ('ERR ' .. text)
end

-- Once a message is in the log it is stored, whatever Redis refuses behind that, as without a right: an error would have it published again.
local function lament(failure)
  if lamented and now >= lamented and now - lamented < FORBIDDEN_MS then return end
  lamented = now
  redis.log(redis.LOG_WARNING, LIBRARY .. ': a message is stored, and this behind it was refused: ' .. raised(failure))
end

-- The number that Redis answered to what comes behind a stored message; 0 where it refused.
local function number_of(answer)
  if type(answer) == 'number' then return answer end
  lament(answer)
  return 0
end

-- Takes away what is too old of a log that has just been written to, and has it live as long as what it holds.
local function tend(known)
  -- A few that are too old may stay: readers begin behind them.
  local oldest = format('%.0f', math.max(0, now - known.history.ttl))
  local trimmed = number_of(softly('XTRIM', known.log, 'MINID', '~', oldest, 'LIMIT', EXPIRED_AT_ONCE))
  number_of(softly('PEXPIRE', known.log, known.history.ttl + LOG_GRACE_MS))
  if known.over then known.over = known.over - trimmed end
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
    return nil, known, key and (base_of_known(known) .. 'key:b:' .. key), data
  end
  local known = kept_at(keys[1], keys[2])
  if not known or #keys > 3 then return BAD_KEYS end
  local data, from = args[1], args[2]
  if not data or #args > 3 or (args[3] and args[3] ~= TELL) then
    return 'BADARGS FCALL ' .. LIBRARY .. '_publish 2|3 log tail [key] data [from [tell]]'
  end
  if keys[3] and bad_scoped(keys[3], base_of_known(known)) then return BAD_KEY end
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

-- Where Redis has not added to a log: begins it, with no life of its own yet, or says what Redis refused.
local function begin_log(known, refusal, id, data, previous, from)
  if refusal then return false, refusal end
  known.due, known.over = 0, 1 - known.history.size
  append_more(known.log, id, data, previous, from)
  known.previous = id
  return true
end

-- The same to a log that may be a new one, and taking away what is too much. Whether Redis did, and its refusal.
local function append(known, id, data, previous, from)
  local log, size, added = known.log, known.history.size_text, nil
  -- Until the tail says so too: what fails between the two leaves a log that is ahead of it.
  known.is_told = false
  if from then added = softly('XADD', log, 'NOMKSTREAM', 'MAXLEN', size, id, 'd', data, 'p', previous, 'u', from)
  else added = softly('XADD', log, 'NOMKSTREAM', 'MAXLEN', size, id, 'd', data, 'p', previous) end
  if type(added) ~= 'string' then return begin_log(known, added, id, data, previous, from) end
  local over = known.over
  if over and over ~= 0 then known.over = over < 0 and over + 1 or 0 end
  known.previous = id
  return true
end

-- Takes away what a log has over its size. Where there was something, what is left is as much as it may be; else it may be less.
local function shorten(known)
  known.over = number_of(softly('XTRIM', known.log, 'MAXLEN', known.history.size_text)) > 0 and 0 or nil
end

-- As append, but takes away what is too much only once that is more than the history's slack, since one that goes by itself costs as much as
-- four that go together. Readers begin behind it: see oldest_of.
local function append_loosely(known, id, data, previous, from)
  local slack = known.history.slack
  if slack == 0 then return append(known, id, data, previous, from) end
  local log, added = known.log, nil
  known.is_told = false
  if from then added = softly('XADD', log, 'NOMKSTREAM', id, 'd', data, 'p', previous, 'u', from)
  else added = softly('XADD', log, 'NOMKSTREAM', id, 'd', data, 'p', previous) end
  if type(added) ~= 'string' then return begin_log(known, added, id, data, previous, from) end
  local over = known.over
  if over then
    over = over + 1
    known.over = over
  end
  if not over or over > slack then shorten(known) end
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
  if not can_be_followed(previous) then error(bad_log(known.log, previous)) end
  if tag_of(previous) ~= tag then ends = sub(' ' .. previous .. ends, 1, 31 * ENDS) end
  return previous, ' ' .. begin .. ends
end

-- Stores the first message of a call for this channel, by append or append_loosely. Answers its offset and its predecessor. Where the tail ends as this server left it
-- the log does too: both were written in one step, and nobody has written since, as there would be another offset then.
local function begin_with(known, data, from, add)
  local previous = known.previous
  if known.is_told and call('GETRANGE', known.tail_key, '0', OFFSET_END) == previous then
    local id = next_of(known, previous)
    -- But where somebody else has written to the log, and not to its tail.
    if add(known, id, data, previous, from) then return id, previous end
  end
  -- Others may have taken away what they liked.
  known.over = nil
  local rest
  previous, rest = end_of(known)
  local id = mint(previous, now)
  local ok, refusal = add(known, id, data, previous, from)
  -- A log keeps the highest id that it ever had, also of what was taken away again.
  if not ok and string.find(refusal.err, 'equal or smaller', 1, true) then refusal = bad_log(known.log, 'an id above ' .. id) end
  if not ok then error(refusal) end
  known.rest, known.due = rest, 0
  count_from(known, id)
  return id, previous
end

-- Writes where the log ends over where it ended. Whether it did: users of before this was asked for have no right to.
local function overwrite_tail(known)
  if forbidden and now >= forbidden and now - forbidden < FORBIDDEN_MS then return false end
  if type(softly('SETRANGE', known.tail_key, '0', known.previous)) == 'number' then return true end
  forbidden = now
  return false
end

-- Has the tail say where the log ends now; and once a second log and tail live on.
local function conclude(known)
  local due, written = known.due, nil
  if now >= due or now < due - TENDED_MS then
    tend(known)
    written = softly('SET', known.tail_key, known.previous .. known.rest, 'PX', TAIL_LIFE)
  elseif not overwrite_tail(known) then
    written = softly('SET', known.tail_key, known.previous .. known.rest, 'KEEPTTL')
  end
  known.is_told = not (written and written.err)
  if not known.is_told then lament(written) end
end

-- What is published under this key again is not stored again.
local function remember(key, id, hash)
  local kept = softly('SET', key, id .. '|' .. hash, 'PX', KEY_LIFE_MS)
  if kept.err then lament(kept) end
end

-- Whoever does not hear it finds it in the log.
local function tell(known, message)
  number_of(softly(fan_out, known.bus, message))
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
  local id, previous = begin_with(known, data, from, append)
  conclude(known)
  if key then remember(key, id, hash) end
  tell(known, envelope(id, previous, from, data))
  return id
end
`;
