// The Lua of links that a cluster counts: one function, by which each node tells its own and hears of the others'.

/**
 * The key is a hash: `members` (`<node's incarnation> <its last telling> <until when it is believed>;…`) and `s:<subject>` →
 * `<incarnation>=<its links>;…`, where links are a text that nobody here looks into. What a node told counts as long as it is heard
 * of: what is left of one that has died is taken away wherever it is met, and the key goes when nobody tells any more. Time is the
 * server's alone.
 */
export const LINKS_LUA = `
local LIVES_MS = 10000
local KEY_LIVES_MS = 60000
local MAX_MEMBERS = 512
local WEEDED = 4

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function members_of(key, now)
  if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
  local members = {}
  for member, revision, until_ms in string.gmatch(redis.call('HGET', key, 'members') or '', '(%S+) (%d+) (%d+);') do
    -- Not for longer than who tells now, also where the clock has gone back.
    local lives = math.min(tonumber(until_ms), now + LIVES_MS)
    if lives > now then members[member] = { revision, string.format('%.0f', lives) } end
  end
  return members
end

local function store_members(key, members)
  local parts = {}
  for member, seen in pairs(members) do
    if #parts < MAX_MEMBERS then parts[#parts + 1] = member .. ' ' .. seen[1] .. ' ' .. seen[2] .. ';' end
  end
  redis.call('HSET', key, 'members', table.concat(parts))
  redis.call('PEXPIRE', key, KEY_LIVES_MS)
  return #parts
end

-- What the other nodes that live have told of it, with who told it and without.
local function others_of(text, members, member)
  local told, links = {}, {}
  for name, theirs in string.gmatch(text or '', '([^=;]+)=([^;]*)') do
    if name ~= member and members[name] then
      told[#told + 1] = name .. '=' .. theirs
      links[#links + 1] = theirs
    end
  end
  return told, table.concat(links, ';')
end

local function store(key, field, told, before)
  local text = table.concat(told, ';')
  if text == '' then
    if before then redis.call('HDEL', key, field) end
  elseif text ~= before then
    redis.call('HSET', key, field, text)
  end
end

-- Some by chance: what nodes that have died told of subjects that nobody tells of again.
local function weed(key, members)
  for _, field in ipairs(redis.call('HRANDFIELD', key, WEEDED)) do
    if string.sub(field, 1, 2) == 's:' then
      local before = redis.call('HGET', key, field)
      store(key, field, (others_of(before, members, nil)), before)
    end
  end
end

-- member after revision [subject links ...] -> known, nodes, the others' links of each; a revision of 0: it leaves
local function tell(keys, args)
  local member, after, revision = args[1], args[2], tonumber(args[3])
  if not (#keys == 1 and after and revision and #args % 2 == 1 and string.find(member, '^[%w_-]+$')) then
    return redis.error_reply('BADARGS ' .. LIBRARY .. '_links_tell member after revision [subject links ...]')
  end
  local key, now = keys[1], now_ms()
  local members = members_of(key, now)
  local seen = members[member]
  if revision == 0 then members[member] = nil
  else members[member] = { args[3], string.format('%.0f', now + LIVES_MS) } end
  local answer = { seen and seen[1] == after and 1 or 0, store_members(key, members) }
  for i = 4, #args, 2 do
    local field, links = 's:' .. args[i], args[i + 1]
    local before = redis.call('HGET', key, field)
    local told, elsewhere = others_of(before, members, member)
    if links ~= '' then told[#told + 1] = member .. '=' .. links end
    store(key, field, told, before)
    answer[#answer + 1] = elsewhere
  end
  weed(key, members)
  return answer
end

redis.register_function{ function_name = LIBRARY .. '_links_tell', callback = tell }
`;
