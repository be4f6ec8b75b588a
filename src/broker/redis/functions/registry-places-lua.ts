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

-- The id of the node on which the place was, or nil where there was none.
local function release(keys, reservation)
  if redis.call('ZREM', keys[RESERVATIONS], reservation) == 0 then return nil end
  local id = string.sub(reservation, (string.find(reservation, '.', 1, true) or 0) + 1)
  if add_held(keys, id, -1) <= 0 then redis.call('HDEL', keys[HELD], id) end
  return id
end

local function rest_ms(strikes)
  return math.min(MAX_REST_MS, REST_MS * 2 ^ (strikes - LAPSES_TO_REST))
end

-- Places that lapsed, those of them that did one after the other, and until when the node rests: as src/cluster/lapses.ts.
-- A rest that is longer than one that begins now was given before the clock went back.
local function lapses_of(text, now)
  local total, strikes, rest = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  total, strikes, rest = tonumber(total) or 0, tonumber(strikes) or 0, tonumber(rest) or 0
  return total, strikes, rest <= now + rest_ms(strikes) and rest or 0
end

local function store_lapses(keys, id, total, strikes, rest)
  redis.call('HSET', keys[LAPSES], id, string.format('%.0f %.0f %.0f', total, strikes, rest))
end

local function count_lapse(keys, id, now)
  local total, strikes, rest = lapses_of(redis.call('HGET', keys[LAPSES], id), now)
  if now >= rest then
    strikes = strikes + 1
    if strikes >= LAPSES_TO_REST then rest = now + rest_ms(strikes) end
  end
  store_lapses(keys, id, total + 1, strikes, rest)
end

-- Who has come to another node than the one that was named has not come to that one.
local function claim(keys, reservation, at, now)
  local id = release(keys, reservation)
  if not id then return end
  if id ~= at then return count_lapse(keys, id, now) end
  local total, strikes = lapses_of(redis.call('HGET', keys[LAPSES], id), now)
  if strikes > 0 then store_lapses(keys, id, total, 0, 0) end
end

local function lapse(keys, now)
  local lapsed = redis.call('ZRANGEBYSCORE', keys[RESERVATIONS], '-inf', now, 'LIMIT', 0, LAPSES_PER_CALL)
  for _, reservation in ipairs(lapsed) do
    local id = release(keys, reservation)
    if id then count_lapse(keys, id, now) end
  end
end

-- Places that were reserved before the clock went back lapse as if they had been reserved now.
local function shorten(keys, now)
  local most = now + RESERVATION_MS
  local beyond = redis.call('ZRANGEBYSCORE', keys[RESERVATIONS], string.format('(%.0f', most), '+inf', 'LIMIT', 0, LAPSES_PER_CALL)
  for _, reservation in ipairs(beyond) do redis.call('ZADD', keys[RESERVATIONS], most, reservation) end
end

local function doubt_of(record, lapses, now)
  local _, strikes, rest = lapses_of(lapses[record.id], now)
  if strikes >= LAPSES_TO_REST and (now < rest or record.held > 0) then return 'lapsed' end
  if not record.reached then return 'unreached' end
  return nil
end
`;
