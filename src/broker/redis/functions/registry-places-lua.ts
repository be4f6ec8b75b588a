// The Lua of the registry's places: those that are reserved, those that nobody claimed, and the rest that a node has then.

/** Stands behind registry-records-lua.ts and before what works with both, in the same scope: see registry-lua.ts, which says what the keys hold. */
export const REGISTRY_PLACES_LUA = `
-- The places that are held then, begun anew where somebody has written something that is no number of them.
local function add_held(keys, id, places)
  local held = redis.pcall('HINCRBY', keys[HELD], id, places)
  if type(held) == 'number' then return held end
  redis.call('HSET', keys[HELD], id, math.max(0, places))
  return math.max(0, places)
end

local function node_of(reservation)
  return string.sub(reservation, (string.find(reservation, '.', 1, true) or 0) + 1)
end

-- Whose place it is: nil of nobody in particular, '' where it says nothing of its node.
local function mark_of(reservation)
  return string.match(reservation, '^[^.~]*~([^.]*)%.')
end

-- When the place was to lapse, or nil where there is none. ZSCORE says the same, and is not among the commands that processes may use.
local function until_of(keys, reservation)
  return tonumber(redis.call('ZADD', keys[RESERVATIONS], 'XX', 'INCR', 0, reservation))
end

local function release(keys, reservation)
  if redis.call('ZREM', keys[RESERVATIONS], reservation) == 0 then return end
  local id = node_of(reservation)
  if add_held(keys, id, -1) <= 0 then redis.call('HDEL', keys[HELD], id) end
end

local function rest_ms(strikes)
  return math.min(MAX_REST_MS, REST_MS * 2 ^ (strikes - LAPSES_TO_REST))
end

-- Places that lapsed, those of them that did one after the other, until when the node rests, and whose they were: as src/cluster/lapses.ts.
-- A rest that is longer than one that begins now was given before the clock went back.
local function lapses_of(text, now)
  local total, strikes, rest, marks = string.match(text or '', '^(%d+) (%d+) (%d+) ?([%w_ -]*)$')
  total, strikes, rest = tonumber(total) or 0, tonumber(strikes) or 0, tonumber(rest) or 0
  return total, strikes, rest <= now + rest_ms(strikes) and rest or 0, marks or ''
end

local function store_lapses(keys, id, total, strikes, rest, marks)
  local text = string.format('%.0f %.0f %.0f', total, strikes, rest)
  redis.call('HSET', keys[LAPSES], id, marks == '' and text or text .. ' ' .. marks)
end

-- The marks with this one behind them, of more than are remembered the newest; nil where it is among them.
local function with_mark(marks, mark)
  local list = {}
  for known in string.gmatch(marks, '%S+') do
    if known == mark then return nil end
    list[#list + 1] = known
  end
  list[#list + 1] = mark
  return table.concat(list, ' ', math.max(1, #list - MAX_MARKS + 1))
end

-- A place says something of its node where that has reported all the time since it was given. Of one asker one counts, and
-- another after each rest, which makes that no longer.
local function count_lapse(keys, reservation, until_ms, now)
  local id, mark = node_of(reservation), mark_of(reservation)
  local record = decode(id, redis.call('HGET', keys[NODES], id))
  if not record or not has_reported_since(record, until_ms - RESERVATION_MS, now) then return end
  local total, strikes, rest, marks = lapses_of(redis.call('HGET', keys[LAPSES], id), now)
  if now >= rest and mark ~= '' then
    local more = marks
    if mark then more = with_mark(marks, mark) end
    if more then strikes, marks = strikes + 1, more end
    if strikes >= LAPSES_TO_REST then rest = now + rest_ms(strikes) end
  end
  store_lapses(keys, id, total + 1, strikes, rest, marks)
end

-- Who has come to another node than the one that was named has not come to that one. Who has come there has, however late that is said.
local function claim(keys, reservation, at, now)
  local id = node_of(reservation)
  local until_ms = id ~= at and until_of(keys, reservation)
  release(keys, reservation)
  if until_ms then count_lapse(keys, reservation, until_ms, now) end
  if id ~= at then return end
  local total, strikes = lapses_of(redis.call('HGET', keys[LAPSES], id), now)
  if strikes > 0 then store_lapses(keys, id, total, 0, 0, '') end
end

local function lapse(keys, now)
  local lapsed = redis.call('ZRANGEBYSCORE', keys[RESERVATIONS], '-inf', now, 'WITHSCORES', 'LIMIT', 0, LAPSES_PER_CALL)
  for i = 1, #lapsed, 2 do
    release(keys, lapsed[i])
    count_lapse(keys, lapsed[i], tonumber(lapsed[i + 1]), now)
  end
end

-- Places that were reserved before the clock went back lapse as if they had been reserved now.
local function shorten(keys, now)
  local most = now + RESERVATION_MS
  local beyond = redis.call('ZRANGEBYSCORE', keys[RESERVATIONS], string.format('(%.0f', most), '+inf', 'LIMIT', 0, LAPSES_PER_CALL)
  for _, reservation in ipairs(beyond) do redis.call('ZADD', keys[RESERVATIONS], most, reservation) end
end

-- Why others are preferred, and whether clients that were sent there did not come.
local function doubt_of(record, lapses, now)
  local _, strikes, rest = lapses_of(lapses[record.id], now)
  local has_lapsed = strikes >= LAPSES_TO_REST
  if has_lapsed and (now < rest or record.held > 0) then return 'lapsed', true end
  return not record.reached and 'unreached' or nil, has_lapsed
end
`;
