-- What every step about sessions begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local DUE, ENDED, EXPIRED = prefix .. 'due', prefix .. 'ended', prefix .. 'expired'
local function key_of(id) return prefix .. 's:' .. id end

