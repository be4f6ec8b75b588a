// The Lua of the registry's records: what is one, what is kept of it, and whether its node counts as alive.

import { REGISTRY_RULES as RULES } from '../../../cluster/registry-rules.js';

/** Stands before what works with records, in the same scope: see registry-lua.ts, which says what the keys hold. */
export const REGISTRY_RECORDS_LUA = `
local NODES, HELD, PACE, RESERVATIONS, STATE, LAPSES = 1, 2, 3, 4, 5, 6
local VERSION = 1
local SILENCE_MS = ${RULES.silenceMs}
local GRACE_MS = ${RULES.graceMs}
local MAX_REPORT_AGE_MS = ${RULES.maxReportAgeMs}
local RESERVATION_MS = ${RULES.reservationMs}
local PACE_BURST_MS = ${RULES.paceBurstMs}
local MAX_ALTERNATIVES = ${RULES.maxAlternatives}
local MAX_PAST = ${RULES.maxPast}
local FORGET_MS = ${RULES.forgetMs}
local LAPSES_TO_REST = ${RULES.lapsesToRest}
local MAX_MARKS = ${RULES.maxMarks}
local REST_MS = ${RULES.restMs}
local MAX_REST_MS = ${RULES.maxRestMs}
local SIGNER_MS = ${RULES.signerMs}
local MAX_SIGNERS = 16
local LAPSES_PER_CALL = 500
local MAX_FIELDS = 2048           -- of a hash that one call reads; more nodes than that are no cluster of ours
local MAX_DECODED = MAX_FIELDS
local WEEDED_AT_ONCE = 256        -- records that one report looks at, where there are more
local STATES = { ready = true, full = true, deaf = true, foreign = true, draining = true }

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function count(value, least)
  return type(value) == 'number' and value >= least and value <= 1e9 and value == math.floor(value)
end

-- The same form as nodeUrlProblem in lib/node-url.ts.
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
  if type(record.proof) ~= 'string' or #record.proof > ${RULES.maxProofBytes} then record.proof = '' end
  if type(record.features) ~= 'string' then record.features = nil end
  if type(record.since) ~= 'number' then record.since = 0 end
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
    gone = record.gone, past = record.past, reached = record.reached, proof = record.proof,
    features = record.features, since = record.since,
  }))
end

-- Fields and values of a hash; where somebody has filled it, some of them, others each time.
local function fields_of(key)
  if redis.call('HLEN', key) <= MAX_FIELDS then return redis.call('HGETALL', key) end
  return redis.call('HRANDFIELD', key, MAX_FIELDS, 'WITHVALUES')
end

-- A number that somebody else may have written; 0 where it is none, or beyond any sense.
local function number_of(text, most)
  local number = tonumber(text)
  return number and number >= -most and number <= most and number or 0
end

local TYPES = { 'hash', 'hash', 'hash', 'zset', 'hash', 'hash' } -- of the keys, in their order

-- What stands in the place of a key of ours and is none: taken away, since nothing is lost that nodes do not say again.
-- Answers the names.
local function mend(keys)
  local mended = {}
  for i, wanted in ipairs(TYPES) do
    local found = redis.call('TYPE', keys[i]).ok
    if found ~= wanted and found ~= 'none' then
      redis.call('UNLINK', keys[i])
      mended[#mended + 1] = keys[i]
    end
  end
  return mended
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
    newest = math.min(number_of(values[1], 1e15), now),
    before = number_of(values[2], 1e15),
    resumed = math.min(number_of(values[3], 1e15), now),
  }
end

local function is_alive(record, state, now)
  if record.gone or record.at > now + SILENCE_MS then return false end
  if now - state.newest <= GRACE_MS and state.newest - record.at <= SILENCE_MS then return true end
  local silent_ms = state.before - record.at -- when the last silence began; below 0: has reported since
  local waited_for = now - state.resumed <= GRACE_MS and silent_ms >= 0 and silent_ms <= SILENCE_MS
  return waited_for and now - record.at <= MAX_REPORT_AGE_MS
end

-- Since when a node has reported without a silence, where it reports now; this start of it alone.
local function since_of(old, same_start, now)
  return same_start and math.abs(now - old.at) <= SILENCE_MS and math.min(old.since, now) or now
end

-- A node that was silent for a while could not say who had come.
local function has_reported_since(record, moment, now)
  return not record.gone and record.since <= moment and math.abs(now - record.at) <= SILENCE_MS
end

-- Of more records than a cluster has, takes those away that are not ours or say nothing any more.
local function weed(keys, state, now)
  if redis.call('HLEN', keys[NODES]) <= MAX_FIELDS then return end
  local flat = redis.call('HRANDFIELD', keys[NODES], WEEDED_AT_ONCE, 'WITHVALUES')
  for i = 1, #flat, 2 do
    local record = decode(flat[i], flat[i + 1])
    if not record or not is_alive(record, state, now) then redis.call('HDEL', keys[NODES], flat[i]) end
  end
end

-- What lies further ahead than a pace does, somebody else has written, or a clock that has gone back since.
local function due_at(pace, node, now)
  local due = number_of(pace[node.id], 1e15)
  return due <= now + math.max(PACE_BURST_MS, 1000 / node.rate) + 1 and due or 0
end
`;
