-- hash, until, now, up to which end marks are dropped that nobody forgot
local marks, hash, now = KEYS[1] .. 'marks', ARGV[1], tonumber(ARGV[3])
local known = redis.call('ZSCORE', marks, hash)
if known and now < tonumber(known) then return 0 end
redis.call('ZADD', marks, ARGV[2], hash)
-- A net for what nobody forgets: more go than come.
local old = redis.call('ZRANGEBYSCORE', marks, '-inf', ARGV[4], 'LIMIT', 0, 2)
for _, other in ipairs(old) do
  if other ~= hash then redis.call('ZREM', marks, other) end
end
return 1
