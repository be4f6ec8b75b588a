// The Lua of shared limits: one function, one key for each subject, which lends units to the processes that count it.

/**
 * The key is a hash: `a` (the moment, or the window's start, in milliseconds), `x` (tokens, or units of this window), `y` (units of the
 * last window), and `m:<process>` → when it asked last. Time is the server's alone. The numbers are those of src/limits: a bucket's
 * curve for both buckets, a window's for the others.
 *
 * A lease is at most the limit ÷ (4 × the processes that asked for this subject within two seconds), and nothing where that is
 * less than a unit: such limits are spent on credit, request by request.
 */
export const LIMITS_LUA = `
local SHARE = 4
local ACTIVE_MS = 2000
local MAX_MEMBERS = 256
local OWED_MS = 60000

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local function text(number)
  return string.format('%.6f', number)
end

-- What is known of the subject, and how many processes ask for it.
local function state_of(key, member, now)
  if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
  local state, members, stale = {}, 1, {}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local name, value = all[i], tonumber(all[i + 1])
    if string.sub(name, 1, 2) ~= 'm:' then state[name] = value
    elseif not value or now - value > ACTIVE_MS then stale[#stale + 1] = name
    elseif name ~= 'm:' .. member and members < MAX_MEMBERS then members = members + 1 end
  end
  if #stale > 0 then redis.call('HDEL', key, unpack(stale, 1, math.min(#stale, 1000))) end
  return state, members
end

local KINDS = {}

-- rate per second, burst
function KINDS.bucket(state, now, a, burst)
  local per_ms = a / 1000
  local tokens = burst
  if state.a and state.x then tokens = math.min(burst, state.x + math.max(0, now - state.a) * per_ms) end
  local self = { size = burst }
  function self.room() return tokens end
  function self.spend(units) tokens = math.max(-OWED_MS * per_ms, math.min(burst, tokens - units)) end
  function self.wait(units) return (units - tokens) / per_ms end
  -- Also where the clock has gone back: nothing would come in until it is where it was.
  function self.fields() return { 'a', text(now), 'x', text(tokens) } end
  function self.ttl() return (burst - tokens) / per_ms end
  return self
end

-- limit, window in milliseconds
function KINDS.counter(state, now, limit, window, is_fixed)
  local start = math.floor(now / window) * window
  local used, last = 0, 0
  if state.a == start then used, last = state.x or 0, state.y or 0
  elseif state.a == start - window then last = state.x or 0 end
  if is_fixed then last = 0 end
  local elapsed = now - start
  local self = { size = limit }
  function self.room() return limit - used - last * (1 - elapsed / window) end
  function self.spend(units) used = math.max(0, used + units) end
  function self.wait(units)
    local free = limit - used - units
    if is_fixed or used <= 0 and free < 0 then return window - elapsed end
    if free >= 0 then return window * (1 - free / last) - elapsed end
    return window * (2 - (limit - units) / used) - elapsed
  end
  function self.fields() return { 'a', text(start), 'x', text(used), 'y', text(last) } end
  function self.ttl() return 2 * window end
  return self
end

function KINDS.fixed(state, now, limit, window)
  return KINDS.counter(state, now, limit, window, true)
end

-- kind a b member spent wanted → granted, remaining, retry after
local function lease(keys, args)
  local make, a, b = KINDS[args[1]], tonumber(args[2]), tonumber(args[3])
  local member, spent, wanted = args[4], tonumber(args[5]), tonumber(args[6])
  if not (#keys == 1 and make and a and a > 0 and b and b > 0 and member and spent and wanted) then
    return redis.error_reply('BADARGS ' .. LIBRARY .. '_limit_lease kind a b member spent wanted')
  end
  local key, now = keys[1], now_ms()
  local state, members = state_of(key, member, now)
  local limit = make(state, now, a, b)
  limit.spend(spent)
  local granted, wait = 0, 0
  if wanted > 0 then
    local share = limit.size / (SHARE * members)
    if share >= 1 then granted = math.max(0, math.min(share, math.floor(limit.room()))) end
    if limit.room() < wanted then wait = math.max(1, math.ceil(limit.wait(math.min(wanted, limit.size)))) end
    limit.spend(granted)
  end
  redis.call('HSET', key, 'm:' .. member, text(now), unpack(limit.fields()))
  redis.call('PEXPIRE', key, math.ceil(math.max(limit.ttl(), ACTIVE_MS)) + 1000)
  return { text(granted), text(math.max(0, math.floor(limit.room()))), text(wait) }
end

redis.register_function{ function_name = LIBRARY .. '_limit_lease', callback = lease }
`;
