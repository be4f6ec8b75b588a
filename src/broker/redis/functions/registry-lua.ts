// The Lua of the node registry: report, assign, list, drain, remove. Runs inside Redis, each call as one atomic step.

import { REGISTRY_PLACES_LUA } from './registry-places-lua.js';
import { REGISTRY_RECORDS_LUA } from './registry-records-lua.js';

/**
 * Keys, in the order in which each function is given them: `nodes` (hash: id → record in JSON), `held` (hash: id →
 * places reserved), `pace` (hash: id → when the assignments so far are due), `reservations` (sorted set by the moment
 * that each lapses), `state` (hash: newest report, the last silence, and until when a signer counts), `lapses` (hash:
 * id → places that lapsed, how many of them one after the other, until when the node rests, whose they were). Time is the server's alone.
 *
 * The memory registry (src/cluster/memory-registry.ts) is the same in TypeScript; one suite holds both to it.
 */
export const REGISTRY_LUA = `${REGISTRY_RECORDS_LUA}${REGISTRY_PLACES_LUA}
-- The nodes that count as alive, with what they hold, and how many records are not ours.
local function read_nodes(keys, now)
  local state = read_state(keys, now)
  local held = pairs_of(fields_of(keys[HELD]))
  local lapses = pairs_of(fields_of(keys[LAPSES]))
  local flat, nodes, ignored = fields_of(keys[NODES]), {}, 0
  for i = 1, #flat, 2 do
    local record = decode(flat[i], flat[i + 1])
    if not record then
      ignored = ignored + 1
    elseif is_alive(record, state, now) then
      record.held = math.max(0, number_of(held[record.id], 1e9))
      record.load = (record.connections + record.held) / record.capacity
      record.doubt, record.has_lapsed = doubt_of(record, lapses, now)
      nodes[#nodes + 1] = record
    end
  end
  return nodes, ignored
end

-- Proofs are the largest part of a record, and of those that are only named nobody looks at them.
local function public(record, now, with_proof)
  return {
    id = record.id, url = record.url, connections = record.connections, reservations = record.held,
    capacity = record.capacity, state = record.drain and 'draining' or record.state,
    incarnation = record.incarnation, proof = with_proof and record.proof or nil, reportedAtMs = record.at,
    reportAgeMs = math.max(0, now - record.at), doubt = record.doubt, features = record.features,
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
  local flat = fields_of(keys[NODES])
  for i = 1, #flat, 2 do
    local record = decode(flat[i], flat[i + 1])
    if record and now - record.at > FORGET_MS then
      redis.call('HDEL', keys[NODES], flat[i])
      redis.call('HDEL', keys[PACE], flat[i])
      redis.call('HDEL', keys[LAPSES], flat[i])
    end
  end
end

local SIGNER = 'signer '

-- Those that have not been told lately are forgotten.
local function signers_of(keys, now)
  local signers = {}
  for field, until_ms in pairs(pairs_of(fields_of(keys[STATE]))) do
    if string.sub(field, 1, #SIGNER) == SIGNER then
      if (tonumber(until_ms) or 0) > now then
        if #signers < MAX_SIGNERS then signers[#signers + 1] = string.sub(field, #SIGNER + 1) end
      else
        redis.call('HDEL', keys[STATE], field)
      end
    end
  end
  return signers
end

local function told(keys, id, verdict, record, now, mended)
  local total, strikes = lapses_of(redis.call('HGET', keys[LAPSES], id), now)
  return cjson.encode({
    verdict = verdict, nowMs = now, drain = record and record.drain or false, signers = signers_of(keys, now),
    lapsed = total, isDoubted = strikes >= LAPSES_TO_REST, mended = mended,
  })
end

-- id url incarnation connections capacity rate state reached proof features [claimed ...]
local function report(keys, args)
  local now = now_ms()
  local mended = mend(keys)
  local id, url, incarnation = args[1], args[2], args[3]
  local state = read_state(keys, now)
  local old = decode(id, redis.call('HGET', keys[NODES], id))
  local same_start = old and old.incarnation == incarnation
  if old then
    if is_past(old, incarnation) then return told(keys, id, 'fenced', nil, now, mended) end
    if not same_start and old.url ~= url and is_alive(old, state, now) then
      return told(keys, id, 'refused', nil, now, mended)
    end
  end
  for i = 11, #args do claim(keys, args[i], id, now) end
  if not same_start then forget_silent(keys, now) end
  weed(keys, state, now)
  local record = {
    id = id, url = url, incarnation = incarnation, connections = tonumber(args[4]), capacity = tonumber(args[5]),
    rate = tonumber(args[6]), state = args[7], reached = args[8] == '1', proof = args[9], features = args[10],
    at = now, since = since_of(old, same_start, now), drain = same_start and old.drain or false, gone = false,
    past = old and (same_start and old.past or remember(old)) or '',
  }
  store(keys, record)
  if now - state.newest > SILENCE_MS then
    redis.call('HSET', keys[STATE], 'before', state.newest, 'resumed', now)
  end
  redis.call('HSET', keys[STATE], 'newest', now)
  return told(keys, id, 'accepted', record, now, mended)
end

-- The least loaded of the nodes that are not ahead of their pace; of equals the one at the place that random names. Who keeps
-- no place would come to the same one again and again, and is sent to any.
local function pick(nodes, excluded, pace, random, now, reserves)
  local best, load = {}, math.huge
  for _, node in ipairs(nodes) do
    local ms = 1000 / node.rate
    local due = math.max(due_at(pace, node, now), now) + ms - now
    if not excluded[node.id] and due <= math.max(PACE_BURST_MS, ms) and (node.load <= load or not reserves) then
      if reserves and node.load < load then best, load = {}, node.load end
      best[#best + 1] = node
    end
  end
  return best[1 + math.floor(random * #best)]
end

local function set_of(args, from, count)
  local set = {}
  for i = from, from + count - 1 do set[args[i]] = true end
  return set
end

-- Where there are nodes of which nothing is doubted, only those. Whoever leaves some of them out is not sent to see what a
-- node does after its rest.
local function candidates_of(nodes, excluded)
  local trusted, proven, leaves_out = {}, {}, false
  for _, node in ipairs(nodes) do
    if not node.doubt then
      trusted[#trusted + 1] = node
      if not node.has_lapsed then proven[#proven + 1] = node end
      leaves_out = leaves_out or excluded[node.id]
    end
  end
  if leaves_out and #proven > 0 then return proven end
  return #trusted > 0 and trusted or nodes
end

-- Whether some are left out, and not all.
local function is_led(nodes, excluded)
  local wanted = 0
  for _, node in ipairs(nodes) do
    if not excluded[node.id] then wanted = wanted + 1 end
  end
  return wanted > 0 and wanted < #nodes
end

-- The name of the place, which says whose it is; a mark of nobody says nothing of the node.
local function reserve(keys, node, name, mark, now)
  local reservation = name .. (mark and '~' .. mark or '') .. '.' .. node.id
  redis.call('ZADD', keys[RESERVATIONS], now + RESERVATION_MS, reservation)
  node.held = add_held(keys, node.id, 1)
  return reservation
end

-- random (0 up to 1), the reservation's name, number of excluded ids, those, number of allowed ids or -1 for all, those,
-- and where it is known who asks its mark, and 0 where no place is kept for it
local function assign(keys, args)
  local now = now_ms()
  local random = tonumber(args[1])
  lapse(keys, now)
  local nodes, ignored = read_nodes(keys, now)
  local excludes = tonumber(args[3])
  local allows = tonumber(args[4 + excludes])
  local excluded, allowed = set_of(args, 4, excludes), set_of(args, 5 + excludes, allows)
  local able, others = {}, 0
  for _, node in ipairs(nodes) do
    if node.state == 'ready' and not node.drain and node.connections + node.held < node.capacity then
      if allows == -1 or allowed[node.id] then able[#able + 1] = node else others = others + 1 end
    end
  end
  able = candidates_of(able, excluded)
  local pace = pairs_of(fields_of(keys[PACE]))
  local mark, reserves = args[5 + excludes + math.max(0, allows)], args[6 + excludes + math.max(0, allows)] ~= '0'
  local chosen = pick(able, excluded, pace, random, now, reserves) or pick(able, {}, pace, random, now, reserves)
  if not chosen then return cjson.encode({ ignored = ignored }) end

  if is_led(able, excluded) then mark = '' end
  local reservation = reserves and reserve(keys, chosen, args[2], mark, now) or nil
  local due = math.max(due_at(pace, chosen, now), now) + 1000 / chosen.rate
  redis.call('HSET', keys[PACE], chosen.id, string.format('%.3f', due))

  local alternatives = {}
  local from = math.floor(random * #able)
  for i = 0, #able - 1 do
    local node = able[(from + i) % #able + 1]
    if #alternatives == MAX_ALTERNATIVES then break end
    if node ~= chosen and not excluded[node.id] then alternatives[#alternatives + 1] = public(node, now) end
  end
  return cjson.encode({
    node = public(chosen, now, true), reservation = reservation, alternatives = alternatives, ignored = ignored,
    others = others,
  })
end

-- [fingerprint of the secret that a discovery signs with]
local function list(keys, args)
  local now = now_ms()
  if args[1] then redis.call('HSET', keys[STATE], SIGNER .. args[1], now + SIGNER_MS) end
  lapse(keys, now)
  shorten(keys, now)
  local nodes, ignored = read_nodes(keys, now)
  local records = {}
  for i, node in ipairs(nodes) do records[i] = public(node, now, true) end
  return cjson.encode({ nodes = records, ignored = ignored })
end

-- As list, and writes nothing: for a Redis that refuses writes. Since the newest report nobody could report: who lived then does.
local function look(keys)
  local nodes, ignored = read_nodes(keys, number_of(redis.call('HGET', keys[STATE], 'newest'), 1e15))
  local records, now = {}, now_ms()
  for i, node in ipairs(nodes) do records[i] = public(node, now, true) end
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
  redis.register_function{ function_name = LIBRARY .. name, callback = callback, flags = { flag } }
end
register('_node_report', report, 'allow-oom')
register('_node_assign', assign, 'allow-oom')
register('_node_list', list, 'allow-oom')
register('_node_look', look, 'no-writes')
register('_node_drain', request_drain, 'allow-oom')
register('_node_remove', remove, 'allow-oom')
`;
