// The Lua that remembers channels between calls, so that a publish makes no names anew and looks into no log. A part of fanfare-lua.ts, whose names it uses.

/**
 * What a call knows of a channel: `log`, `tail_key`, `bus`, what its `history` may hold; the `previous` offset, what its tail
 * says behind that (`rest`), whether this server wrote both there last (`is_told`), and when log and tail are `due` to be
 * given their lives anew; how many entries the log has `over` its size, fewer being less than none, where that is known; what next_of needs; and the number of the last call
 * for several (`batch`) that it was in. No more than 16 members: a 17th doubles what Lua takes for them.
 * Forgetting it costs microseconds, and nothing else; where the tail in Redis is another one, nothing is believed of it.
 */
export const KNOWN_LUA = `
local MAX_KNOWN = 4096            -- channels, of about 1 KiB each

local by_name, by_log, known_count = {}, {}, 0

-- Between calls, so that each knows one of each channel.
local function begin_call()
  if known_count >= MAX_KNOWN then by_name, by_log, known_count = {}, {}, 0 end
  if not tag then learn_server() end
end

local function base_of(channel)
  return PREFIX .. ':{' .. channel .. '}:'
end

-- What all keys of a channel begin with.
local function base_of_known(known)
  return sub(known.log, 1, -4)
end

local function learn(channel)
  local base = base_of(channel)
  local known = {
    log = base .. 'log', tail_key = base .. 'tail', bus = BUS .. ':{' .. channel .. '}',
    history = history_of(channel),
  }
  by_name[channel], by_log[known.log] = known, known
  known_count = known_count + 1
  return known
end

-- What is known of the channel of this name; nil where it is none.
local function named(channel)
  return by_name[channel] or (not bad_name(channel) and learn(channel)) or nil
end

-- What is known of the channel that keeps its log and tail there; nil where they are not those of one.
local function kept_at(log, tail_key)
  local known = by_log[log]
  if not known then
    local channel = declared({ log, tail_key })
    return channel and named(channel)
  end
  return known.tail_key == tail_key and known or nil
end
`;
