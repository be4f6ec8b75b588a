// The Lua of the queue: who may drain it, and what stands at its head.

/** Follows what function-library.ts puts before it: `LIBRARY`. */
export const INGEST_LUA = `
local SUB_PAGE = 32               -- entries that a read holds in memory besides its answer
local MAX_SEEN = 4096             -- entries, and bytes of data, that one read looks at, so that nobody waits long for it
local MAX_SEEN_BYTES = 8388608
local LONG_BYTES = 262144
local CHANNEL, DATA, KEY, BYTES, PROBLEM = 2, 3, 4, 5, 6
local FIELDS = { channel = CHANNEL, data = DATA, key = KEY }

-- Takes or renews the lease. 0: the caller has it now, -1: and something else stood in its place, which is gone; else the milliseconds that another one still has it.
local function hold(keys, args)
  local mended = 0
  local lease, holder, life_ms = keys[1], args[1], tonumber(args[2])
  local found = redis.call('TYPE', lease).ok
  if found ~= 'string' and found ~= 'none' then
    redis.call('UNLINK', lease)
    mended = -1
  end
  local current = redis.call('GET', lease)
  if current and current ~= holder then
    local left = redis.call('PTTL', lease)
    if left > 0 then return left end
  end
  redis.call('SET', lease, holder, 'PX', life_ms)
  return mended
end

local function release(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  return redis.call('DEL', keys[1])
end

-- An entry as id, channel, data, key, bytes of the data, problem; and the bytes of all that it holds. What is longer than it may be is cut: it is refused
-- by its length, and must not fill the memory of whoever refuses it.
local function row_of(entry, max_data)
  local row = { entry[1], false, false, false, 0, '' }
  local fields, size = entry[2], 0
  for i = 1, #fields, 2 do
    size = size + #fields[i] + #fields[i + 1]
    local place, value = FIELDS[fields[i]], fields[i + 1]
    if place then
      if row[place] then row[PROBLEM] = '"' .. fields[i] .. '" is there more than once' end
      if place == DATA then
        row[BYTES] = #value
        if #value > max_data then value = string.sub(value, 1, 1024) end
      elseif #value > 256 then
        value = string.sub(value, 1, 256)
      end
      row[place] = value
    end
  end
  if not row[DATA] then row[PROBLEM] = '"data" is missing' end
  if not row[CHANNEL] then row[PROBLEM] = '"channel" is missing' end
  return row, size
end

-- Entries from a place in the stream on, up to a number and a size: 'only' those of the named channels, or all but those
-- ('skip'). Answers the id of the last entry that was looked at, or '', and the entries. What was dealt with is deleted,
-- so what a dead holder left is what stands first.
local function read(keys, args)
  local max_entries, max_bytes, max_data = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  local from, only, named = args[4], args[5] == 'only', {}
  for i = 6, #args do named[args[i]] = true end
  local rows, bytes, seen, seen_bytes, last = {}, 0, 0, 0, ''
  local most = 1
  while true do
    local chunk = redis.call('XRANGE', keys[1], from, '+', 'COUNT', most)
    local before = seen_bytes
    for _, entry in ipairs(chunk) do
      local row, size = row_of(entry, max_data)
      last, seen, seen_bytes = entry[1], seen + 1, seen_bytes + size
      if (named[row[CHANNEL]] == true) == only then
        rows[#rows + 1] = row
        bytes = bytes + (row[DATA] and #row[DATA] or 0)
      end
      if #rows >= max_entries or bytes >= max_bytes then return { last, rows } end
      if seen >= MAX_SEEN or seen_bytes >= MAX_SEEN_BYTES then return { last, rows } end
      from = '(' .. last
    end
    if #chunk < most then return { last, rows } end
    -- Anybody may have written entries of any length: after long ones they are read one by one.
    most = seen_bytes - before > LONG_BYTES and 1 or math.min(2 * most, SUB_PAGE)
  end
end

redis.register_function(LIBRARY .. '_ingest_hold', hold)
redis.register_function(LIBRARY .. '_ingest_release', release)
redis.register_function{ function_name = LIBRARY .. '_ingest_next', callback = read, flags = { 'no-writes' } }
`;
