// The Lua that reads a channel's log: where a reader begins, and the page from there. A part of fanfare-lua.ts, whose names it uses.

export const READ_LUA = `
local SUB_PAGE = 32               -- entries that a read holds in memory besides its answer
local MAX_ENTRIES = 1024          -- of a page, whoever asks for more
local MAX_BYTES = 1048576
local MAX_WALKED = 256            -- entries that one call looks back over, and bytes of them
local MAX_WALKED_BYTES = 1048576
local BAD_READ = 'BADARGS FCALL_RO ' .. LIBRARY .. '_read 2 log tail after entries bytes'

-- Data, predecessor and sender of an entry; no data where the entry is not one of ours.
local function parts(entry)
  local fields = entry[2]
  local data, previous, from
  for i = 1, #fields, 2 do
    if fields[i] == 'd' then data = fields[i + 1]
    elseif fields[i] == 'p' then previous = fields[i + 1]
    elseif fields[i] == 'u' then from = fields[i + 1] end
  end
  if not previous or #previous ~= 30 or not string.find(previous, '^%d+%-%d+$') then return nil end
  return data, previous, from or ''
end

-- Entries to ask for in one go, so that even of the longest messages no more bytes are read than may be.
local function chunk_of(bytes, most)
  return math.max(1, math.min(most, SUB_PAGE, math.floor(bytes / MAX_MESSAGE_BYTES)))
end

-- The last entry up to offset, and not older than oldest, that was made by the same master: the one before it, or where
-- that master ended.
local function last_of_same_master(log, offset, oldest, ends)
  local wanted = tag_of(offset)
  local before = redis.call('XREVRANGE', log, offset, oldest, 'COUNT', 1)[1]
  if not before then return nil end
  local id = pad(before[1])
  if tag_of(id) == wanted then return id end
  for last in string.gmatch(ends, '%S+') do
    if last <= offset and last >= oldest and tag_of(last) == wanted then
      return #redis.call('XRANGE', log, last, last) == 1 and last or nil
    end
  end
end

-- The position before the last count entries up to an offset, or before the oldest. What is not ours ends the walk. What
-- is too long for one call is what begins the next one: a second result.
local function before_last(log, count, upto, start, oldest)
  local seen, bytes = 0, 0
  while count > 0 do
    if seen >= MAX_WALKED or bytes >= MAX_WALKED_BYTES then
      return nil, string.format('last:%.0f:%s', count, start)
    end
    local most = chunk_of(MAX_WALKED_BYTES - bytes, count)
    local chunk = redis.call('XREVRANGE', log, upto, oldest, 'COUNT', most)
    for _, entry in ipairs(chunk) do
      local data, previous, sender = parts(entry)
      if not data then return start end
      seen, bytes, count = seen + 1, bytes + #data + #sender, count - 1
      start, upto = previous, '(' .. entry[1]
    end
    if #chunk < most then return start end
  end
  return start
end

-- Where the log begins, and its first entry.
local function origin_of(log, oldest, tail)
  local first = redis.call('XRANGE', log, oldest, '+', 'COUNT', 1)[1]
  if not first then return tail end
  local data, previous = parts(first)
  return data and previous or pad(first[1]), first
end

-- Where reading begins, and why that is not where it was asked for. The third result: what to ask for in the next call.
local function judge(log, after, tail, begin, oldest, ends)
  local count, upto = string.match(after, '^last:(%d+):?([%d-]*)$')
  if count and upto == '' then
    local start, rest = before_last(log, tonumber(count), '+', tail, oldest)
    return start, nil, rest
  end
  if count then
    local start, rest = before_last(log, tonumber(count), upto, upto, oldest)
    local origin = origin_of(log, oldest, tail)
    return start and start < origin and origin or start, nil, rest
  end
  if after == 'now' or after == tail then return tail end
  if after ~= '-1' and after >= oldest and #redis.call('XRANGE', log, after, after) == 1 then return after end
  local origin, first = origin_of(log, oldest, tail)
  if after == '-1' or after == origin then return origin end
  if after < begin then return origin, 'lost' end
  if after < origin then return origin, first and 'trimmed' or 'expired' end
  return last_of_same_master(log, after, oldest, ends) or origin, 'rewritten'
end

local function is_begin(after)
  if after == '-1' or after == 'now' then return true end
  local offset = string.match(after or '', '^last:%d%d?%d?%d?:?(.*)$')
  if offset == '' then return true end
  offset = offset or after or ''
  return #offset == 30 and string.find(offset, '^%d%d%d%d%d%d%d%d%d%d%d%d%d%-%d+$') ~= nil
end

-- The oldest id that may be read. What is older than it may be is as good as gone, and so is what a log has over its size, where that ends as this server
-- left it: see append_loosely.
local function oldest_of(log, tail, ttl)
  local oldest = pad(string.format('%.0f-0', math.max(0, now_ms() - ttl)))
  local known = by_log[log]
  local over = known and known.is_told and known.previous == tail and known.over
  if not over or over <= 0 then return oldest end
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', over + 1)[over + 1]
  return first and pad(first[1]) > oldest and pad(first[1]) or oldest
end

-- No call reads more than a page and a few entries, whatever its arguments are: a page ends with the entry that passes its
-- size, and what is looked for is looked up, or walked to in several calls.
--
-- The answer is what to ask for in the next call; or flat: start, gap reason or '', tail, 1 when more follows, 1 when the opened tail is due to be renewed by
-- open, then offset, data and sender of each entry.
-- Within it each entry's predecessor is the offset before it: the page ends before a hole, and begins after one with a
-- gap. Writes nothing, so that it works while memory, disk or replicas are short. Nil: open the channel first.
local function read(keys, args)
  local channel = declared(keys)
  if not channel then return redis.error_reply(BAD_KEYS) end
  local after, max_entries, max_bytes = args[1], tonumber(args[2]), tonumber(args[3])
  if not (is_begin(after) and max_entries and max_bytes) then return redis.error_reply(BAD_READ) end
  max_entries, max_bytes = math.min(max_entries, MAX_ENTRIES), math.min(max_bytes, MAX_BYTES)
  local log = keys[1]
  local tail, begin, _, ends = position(log, keys[2])
  if not tail then return false end
  local oldest = oldest_of(log, tail, history_of(channel).ttl)
  local start, gap, rest = judge(log, after, tail, begin, oldest, ends)
  if rest then return { rest } end
  local opened = tail == begin and redis.call('PTTL', keys[2]) < OPENED_LIFE_MS / 2
  local answer = { start, gap or '', tail, 0, opened and 1 or 0 }
  local at, bytes, count = start, 0, 0
  local from = start < oldest and oldest or ('(' .. start)
  while at ~= tail do
    local most = chunk_of(max_bytes - bytes, max_entries - count)
    local chunk = redis.call('XRANGE', log, from, '+', 'COUNT', most)
    for _, entry in ipairs(chunk) do
      local id = pad(entry[1])
      local data, previous, sender = parts(entry)
      if not data or previous ~= at then
        if count > 0 then answer[4] = 1 return answer end
        answer[1] = data and previous or id
        if answer[2] == '' then answer[2] = 'lost' end
      end
      if data then
        local n = #answer
        answer[n + 1], answer[n + 2], answer[n + 3] = id, data, sender
        count, bytes = count + 1, bytes + #data + #sender
      end
      at = id
      if count >= max_entries or bytes >= max_bytes then
        if at ~= tail then answer[4] = 1 end
        return answer
      end
    end
    if #chunk < most then break end
    from = '(' .. at
  end
  if at ~= tail then
    if count > 0 then answer[4] = 1 return answer end
    answer[1] = tail
    if answer[2] == '' then answer[2] = 'lost' end
  end
  return answer
end
`;
