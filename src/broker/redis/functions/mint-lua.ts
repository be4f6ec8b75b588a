// The Lua that makes offsets. A part of fanfare-lua.ts.

/** Apart, so that a test can hold it against memory-log.ts, and each of its two ways against the other. */
export const MINT_LUA = `
local COUNTERS = 1048576          -- seq is tag * 2^20 + counter
local FORMAT                      -- of an offset: of whole numbers, which are quickest, where those of 53 bits are
local STRIDE = 1024               -- a history counts from a multiple of this of its own, so that after a FLUSHALL
                                  -- within one millisecond, or with a clock that went back, no offset comes again
local tag                         -- of this server, once it has been a master
local now, now_text               -- the moment of this call in milliseconds, as a number and in 13 digits
local THREE = {}                  -- the texts of 0 to 999 in three digits, once a call has made them

local function make_digits()
  for n = 0, 999 do THREE[n] = string.format('%03d', n) end
end

-- The offset after previous: of this millisecond where it sorts higher, else of the one after the previous. Without
-- previous, where a new history begins; chance is any whole number.
local function mint(previous, ms, chance)
  FORMAT = FORMAT or (string.format('%d', 2 ^ 52) == '4503599627370496' and '%013d-%016d' or '%013.0f-%016.0f')
  local first = (chance or 0) % (COUNTERS / STRIDE) * STRIDE
  if previous then
    local last_ms, last_seq = tonumber(string.sub(previous, 1, 13)), tonumber(string.sub(previous, 15))
    local last_tag = math.floor(last_seq / COUNTERS)
    first = math.floor(last_seq % COUNTERS / STRIDE) * STRIDE
    if ms == last_ms and tag == last_tag and (last_seq + 1) % COUNTERS ~= 0 then
      return string.format(FORMAT, ms, last_seq + 1)
    end
    if ms < last_ms or (ms == last_ms and tag <= last_tag) then ms = last_ms + 1 end
  end
  return string.format(FORMAT, ms, tag * COUNTERS + first)
end

-- The text of an offset's number but for its last three digits, and those.
local function stem_of(seq)
  return '-' .. string.sub(string.format(FORMAT, 0, seq), 15, 27), seq % 1000
end

-- Has next_of go on behind an offset that mint made, with what the next ones are made of: its millisecond (ms); the text of the number where
-- its stride begins (first), and the last three digits of that (begins); its own number, a text but for the last three digits (stem) and
-- those (digits); and how far they go, where that is not 999 or the stem another one than that of the first (most).
local function count_from(known, offset)
  local seq = tonumber(string.sub(offset, 15))
  local start = math.floor(seq / STRIDE) * STRIDE
  local stem, begins = stem_of(start)
  known.ms, known.first, known.begins = tonumber(string.sub(offset, 1, 13)), stem .. THREE[begins], begins
  known.stem, known.digits = stem_of(seq)
  known.most = known.stem ~= stem and math.min(999, known.digits + start + STRIDE - 1 - seq) or nil
end

-- What mint makes behind previous, the last one, now: without taking that apart, but where the clock went back, and once in a thousand.
local function next_of(known, previous)
  local ms = known.ms
  if now > ms then
    if known.most then known.most, known.stem = nil, string.sub(known.first, 1, 14) end
    known.ms, known.digits = now, known.begins
    return now_text .. known.first
  end
  local digits = known.digits + 1
  if now == ms and digits <= (known.most or 999) then
    known.digits = digits
    return now_text .. known.stem .. THREE[digits]
  end
  local offset = mint(previous, now)
  count_from(known, offset)
  return offset
end
`;
