-- What every step about rate limits begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local OVER = prefix .. 'rl-over'
local function state_of(key) return prefix .. 'rl:' .. key end

local function drop(key)
  redis.call('DEL', state_of(key))
  redis.call('ZREM', OVER, key)
end

-- How long a state stays that means something for `left`: a net for what nobody forgets. At most a
-- thousand years, since Redis counts in 64 bits.
local function time_to_live(left, keep)
  return string.format('%.0f', math.max(1, math.min(math.max(left, 0) + keep, 31536000000000)))
end
