-- nothing
local counts = {}
for n, name in ipairs(redis.call('SMEMBERS', KEY_NAMES)) do
  counts[n] = { name, redis.call('ZCARD', sealed_with(name)) }
end
return counts
