// The Lua of the node registry: report, assign, list, drain, remove. Runs inside Redis, each call as one atomic step.

import { REGISTRY_RULES as RULES } from '../../../cluster/registry-rules.js';

/**
 * Keys, in the order in which each function is given them: `nodes` (hash: id → record in JSON), `held` (hash: id →
 * places reserved), `pace` (hash: id → when the assignments so far are due), `reservations` (sorted set by the moment
 * that each lapses), `state` (hash: newest report, and the last silence). Time is the server's alone.
 *
 * The memory registry (src/cluster/memory-registry.ts) is the same in TypeScript; one suite holds both to it.
 */
export const REGISTRY_LUA = `
local NODES, HELD, PACE, RESERVATIONS, STATE = 1, 2, 3, 4, 5
local VERSION = 1
local SILENCE_MS = ${RULES.silenceMs}
local GRACE_MS = ${RULES.graceMs}
local MAX_REPORT_AGE_MS = ${RULES.maxReportAgeMs}
local RESERVATION_MS = ${RULES.reservationMs}
local PACE_BURST_MS = ${RULES.paceBurstMs}
local MAX_ALTERNATIVES = ${RULES.maxAlternatives}
local MAX_PAST = ${RULES.maxPast}
local FORGET_MS = ${RULES.forgetMs}
local LAPSES_PER_CALL = 500
local MAX_DECODED = 1000
local STATES = { ready = true, full = true, deaf = true, draining = true }

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function count(value, least)
  return type(value) == 'number' and value >= least and value <= 1e9 and value == math.floor(value)
end

-- The same form as nodeUrlProblem in registry-rules.ts.
local function good_url(url)
  if type(url) ~= 'string' or #url > ${RULES.maxUrlLength} then return false end
  local rest = string.match(url, '^https?://(.+)$')
  if not rest then return false end
  local after = string.match(rest, '^[A-Za-z0-9][A-Za-z0-9._-]*(.*)$') or string.match(rest, '^%[[%x:.]+%](.*)$')
  if not after then return false end
  local port, path = string.match(after, '^:(%d+)(.*)$')
  if port and (#port > 5 or tonumber(port) < 1 or tonumber(port) > 65535) then return false end
  path = path or after
  return path == '' or string.find(path, '^/[A-Za-z0-9._~/-]*$') ~= nil
end

local function decode_anew(id, text)
  if #text > ${RULES.maxRecordBytes} or #id > ${RULES.maxIdLength} then return nil end
  if string.find(id, '[^A-Za-z0-9_.:@~-]') or id == '' then return nil end
  local ok, record = pcall(cjson.decode, text)
  if not ok or type(record) ~= 'table' or record.v ~= VERSION or not good_url(record.url) then return nil end
  if type(record.incarnation) ~= 'string' or type(record.past) ~= 'string' or not STATES[record.state] then return nil end
  if not count(record.connections, 0) or not count(record.capacity, 1) then return nil end
  if type(record.at) ~= 'number' or not (record.at >= 0 and record.at < 1e15) then return nil end
  if type(record.rate) ~= 'number' or not (record.rate > 0 and record.rate <= 1e9) then return nil end
  record.id = id
  return record
end

-- What each text means, since a node writes its own once a second and assignments read them all thousands of times.
local decoded, decoded_count = {}, 0

-- A record, or nil for one that no node of ours wrote.
local function decode(id, text)
  if not text then return nil end
  local known = decoded[id]
  if known and known.text == text then return known.record end
  local record = decode_anew(id, text)
  if record then
    if decoded_count >= MAX_DECODED then decoded, decoded_count = {}, 0 end
    if not decoded[id] then decoded_count = decoded_count + 1 end
    decoded[id] = { text = text, record = record }
  end
  return record
end

local function store(keys, record)
  redis.call('HSET', keys[NODES], record.id, cjson.encode({
    v = VERSION, url = record.url, incarnation = record.incarnation, connections = record.connections,
    capacity = record.capacity, rate = record.rate, state = record.state, at = record.at, drain = record.drain,
    gone = record.gone, past = record.past,
  }))
end

local function pairs_of(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local function read_state(keys, now)
  local values = redis.call('HMGET', keys[STATE], 'newest', 'before', 'resumed')
  return {
    -- Nothing has been reported later than now, whatever a master said whose clock was ahead.
    newest = math.min(tonumber(values[1]) or 0, now),
    before = tonumber(values[2]) or 0,
    resumed = math.min(tonumber(values[3]) or 0, now),
  }
end

local function is_alive(record, state, now)
  if record.gone or record.at > now + SILENCE_MS then return false end
  if now - state.newest <= GRACE_MS and state.newest - record.at <= SILENCE_MS then return true end
  local silent_ms = state.before - record.at -- when the last silence began; below 0: has reported since
  local waited_for = now - state.resumed <= GRACE_MS and silent_ms >= 0 and silent_ms <= SILENCE_MS
  return waited_for and now - record.at <= MAX_REPORT_AGE_MS
end

local function release(keys, reservation)
  if redis.call('ZREM', keys[RESERVATIONS], reservation) == 0 then return end
  local id = string.sub(reservation, (string.find(reservation, '.', 1, true) or 0) + 1)
  if redis.call('HINCRBY', keys[HELD], id, -1) <= 0 then redis.call('HDEL', keys[HELD], id) end
end

local function lapse(keys, now)
  local lapsed = redis.call('ZRANGEBYSCORE', keys[RESERVATIONS], '-inf', now, 'LIMIT', 0, LAPSES_PER_CALL)
  for _, reservation in ipairs(lapsed) do release(keys, reservation) end
end

-- The nodes that count as alive, with what they hold, and how many records are not ours.
local function read_nodes(keys, now)
  local state = read_state(keys, now)
  local held = pairs_of(redis.call('HGETALL', keys[HELD]))
  local flat, nodes, ignored = redis.call('HGETALL', keys[NODES]), {}, 0
  for i = 1, #flat, 2 do
    local record = decode(flat[i], flat[i + 1])
    if not record then
      ignored = ignored + 1
    elseif is_alive(record, state, now) then
      record.held = math.max(0, tonumber(held[record.id]) or 0)
      record.load = (record.connections + record.held) / record.capacity
      nodes[#nodes + 1] = record
    end
  end
  return nodes, ignored
end

local function public(record, now)
  return {
    id = record.id, url = record.url, connections = record.connections, reservations = record.held,
    capacity = record.capacity, state = record.drain and 'draining' or record.state,
    reportAgeMs = math.max(0, now - record.at),
  }
end

local function remember(record)
  local past = {}
  for incarnation in string.gmatch(record.past, '%S+') do past[#past + 1] = incarnation end
  past[#past + 1] = record.incarnation
  return table.concat(past, ' ', math.max(1, #past - MAX_PAST + 1))
end

local function is_past(record, incarnation)
  return string.find(' ' .. record.past .. ' ', ' ' .. incarnation .. ' ', 1, true) ~= nil
end

local function forget_silent(keys, now)
  local flat = redis.call('HGETALL', keys[NODES])
  for i = 1, #flat, 2 do
    local record = decode(flat[i], flat[i + 1])
    if record and now - record.at > FORGET_MS then
      redis.call('HDEL', keys[NODES], flat[i])
      redis.call('HDEL', keys[PACE], flat[i])
    end
  end
end

-- id url incarnation connections capacity rate state [claimed ...]
local function report(keys, args)
  local now = now_ms()
  local id, url, incarnation = args[1], args[2], args[3]
  local state = read_state(keys, now)
  local old = decode(id, redis.call('HGET', keys[NODES], id))
  local same_start = old and old.incarnation == incarnation
  if old then
    if is_past(old, incarnation) then return 'fenced' end
    if not same_start and old.url ~= url and is_alive(old, state, now) then return 'refused' end
  end
  for i = 8, #args do release(keys, args[i]) end
  if not same_start then forget_silent(keys, now) end
  store(keys, {
    id = id, url = url, incarnation = incarnation, connections = tonumber(args[4]), capacity = tonumber(args[5]),
    rate = tonumber(args[6]), state = args[7], at = now, drain = same_start and old.drain or false, gone = false,
    past = old and (same_start and old.past or remember(old)) or '',
  })
  if now - state.newest > SILENCE_MS then
    redis.call('HSET', keys[STATE], 'before', state.newest, 'resumed', now)
  end
  redis.call('HSET', keys[STATE], 'newest', now)
  return 'accepted'
end

-- The least loaded of the nodes that are not ahead of their pace; of equals the one at the place that random names.
local function least_loaded(nodes, excluded, pace, random, now)
  local best, load = {}, math.huge
  for _, node in ipairs(nodes) do
    local ms = 1000 / node.rate
    local due = math.max(tonumber(pace[node.id]) or 0, now) + ms - now
    if not excluded[node.id] and due <= math.max(PACE_BURST_MS, ms) and node.load <= load then
      if node.load < load then best, load = {}, node.load end
      best[#best + 1] = node
    end
  end
  return best[1 + math.floor(random * #best)]
end

-- random (0 up to 1), the reservation's name, [excluded ids ...]
local function assign(keys, args)
  local now = now_ms()
  local random = tonumber(args[1])
  lapse(keys, now)
  local nodes, ignored = read_nodes(keys, now)
  local able, excluded = {}, {}
  for i = 3, #args do excluded[args[i]] = true end
  for _, node in ipairs(nodes) do
    if node.state == 'ready' and not node.drain and node.connections + node.held < node.capacity then
      able[#able + 1] = node
    end
  end
  local pace = pairs_of(redis.call('HGETALL', keys[PACE]))
  local chosen = least_loaded(able, excluded, pace, random, now) or least_loaded(able, {}, pace, random, now)
  if not chosen then return cjson.encode({ ignored = ignored }) end

  local reservation = args[2] .. '.' .. chosen.id
  redis.call('ZADD', keys[RESERVATIONS], now + RESERVATION_MS, reservation)
  chosen.held = redis.call('HINCRBY', keys[HELD], chosen.id, 1)
  local due = math.max(tonumber(pace[chosen.id]) or 0, now) + 1000 / chosen.rate
  redis.call('HSET', keys[PACE], chosen.id, string.format('%.3f', due))

  local alternatives = {}
  local from = math.floor(random * #able)
  for i = 0, #able - 1 do
    local node = able[(from + i) % #able + 1]
    if #alternatives == MAX_ALTERNATIVES then break end
    if node ~= chosen and not excluded[node.id] then alternatives[#alternatives + 1] = public(node, now) end
  end
  return cjson.encode({
    node = public(chosen, now), reservation = reservation, alternatives = alternatives, ignored = ignored,
  })
end

local function list(keys)
  local now = now_ms()
  lapse(keys, now)
  local nodes, ignored = read_nodes(keys, now)
  local records = {}
  for i, node in ipairs(nodes) do records[i] = public(node, now) end
  return cjson.encode({ nodes = records, ignored = ignored })
end

local function request_drain(keys, args)
  local now = now_ms()
  local record = decode(args[1], redis.call('HGET', keys[NODES], args[1]))
  if not record or not is_alive(record, read_state(keys, now), now) then return 0 end
  record.drain = true
  store(keys, record)
  return 1
end

local function drain_requested(keys, args)
  local record = decode(args[1], redis.call('HGET', keys[NODES], args[1]))
  return record and record.drain and 1 or 0
end

-- A record stays, so that a report that is still on its way does not bring the node back.
local function remove(keys, args)
  local record = decode(args[1], redis.call('HGET', keys[NODES], args[1]))
  if not record or record.incarnation ~= args[2] then return 0 end
  record.gone = true
  record.past = remember(record)
  store(keys, record)
  return 1
end

-- A Redis at its maxmemory refuses messages, not nodes: a node's record is small, and there are few.
local function register(name, callback, flag)
  redis.register_function{ function_name = PREFIX .. name, callback = callback, flags = { flag } }
end
register('_node_report', report, 'allow-oom')
register('_node_assign', assign, 'allow-oom')
register('_node_list', list, 'allow-oom')
register('_node_drain', request_drain, 'allow-oom')
register('_node_draining', drain_requested, 'no-writes')
register('_node_remove', remove, 'allow-oom')
`;
