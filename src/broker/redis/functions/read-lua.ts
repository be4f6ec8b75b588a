// The Lua that reads a channel's log: where a reader begins, and the page from there. A part of fanfare-lua.ts, whose names it uses.

export const READ_LUA = `
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

-- The last entry up to offset, and not older than oldest, that was made by the same master.
local function last_of_same_master(log, offset, oldest)
  local wanted, upto = tag_of(offset), offset
  while true do
    local chunk = redis.call('XREVRANGE', log, upto, oldest, 'COUNT', SUB_PAGE)
    for _, entry in ipairs(chunk) do
      local id = pad(entry[1])
      if tag_of(id) == wanted then return id end
      upto = '(' .. id
    end
    if #chunk < SUB_PAGE then return nil end
  end
end

-- The position before the last count entries, or before the oldest. What is not ours ends the walk.
local function before_last(log, count, tail, oldest)
  local start, upto = tail, '+'
  while count > 0 do
    local chunk = redis.call('XREVRANGE', log, upto, oldest, 'COUNT', math.min(count, SUB_PAGE))
    for _, entry in ipairs(chunk) do
      local data, previous = parts(entry)
      if not data then return start end
      start, upto = previous, '(' .. entry[1]
    end
    if #chunk < SUB_PAGE then return start end
    count = count - #chunk
  end
  return start
end

-- Where reading begins, and why that is not where it was asked for.
local function judge(log, after, tail, begin, oldest)
  local last = string.match(after, '^last:(%d+)$')
  if last then return before_last(log, tonumber(last), tail, oldest) end
  if after == 'now' or after == tail then return tail end
  if after ~= '-1' and after >= oldest and #redis.call('XRANGE', log, after, after) == 1 then return after end
  local first = redis.call('XRANGE', log, oldest, '+', 'COUNT', 1)[1]
  local origin = tail
  if first then
    local data, previous = parts(first)
    origin = data and previous or pad(first[1])
  end
  if after == '-1' or after == origin then return origin end
  if after < begin then return origin, 'lost' end
  if after < origin then return origin, first and 'trimmed' or 'expired' end
  return last_of_same_master(log, after, oldest) or origin, 'rewritten'
end

-- The answer is flat: start, gap reason or '', tail, 1 when more follows, 1 when the opened tail is due to be renewed by
-- open, then offset, data and sender of each entry.
-- Within it each entry's predecessor is the offset before it: the page ends before a hole, and begins after one with a
-- gap. Writes nothing, so that it works while memory, disk or replicas are short. Nil: open the channel first.
local function read(keys, args)
  local channel = declared(keys)
  if not channel then return redis.error_reply(BAD_KEYS) end
  local after, max_entries, max_bytes = args[1], tonumber(args[2]), tonumber(args[3])
  local log = keys[1]
  local tail, begin = position(log, keys[2])
  if not tail then return false end
  local _, ttl = limits_of(channel)
  local oldest = pad(string.format('%.0f-0', math.max(0, now_ms() - ttl)))
  local start, gap = judge(log, after, tail, begin, oldest)
  local opened = tail == begin and redis.call('PTTL', keys[2]) < OPENED_LIFE_MS / 2
  local answer = { start, gap or '', tail, 0, opened and 1 or 0 }
  local at, bytes, count = start, 0, 0
  local from = start < oldest and oldest or ('(' .. start)
  while at ~= tail do
    local chunk = redis.call('XRANGE', log, from, '+', 'COUNT', SUB_PAGE)
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
    if #chunk < SUB_PAGE then break end
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
