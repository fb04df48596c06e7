-- now, how many at most
local marks, now, most = KEYS[1] .. 'marks', ARGV[1], tonumber(ARGV[2])
local over = redis.call('ZRANGEBYSCORE', marks, '-inf', now, 'LIMIT', 0, most)
for _, hash in ipairs(over) do redis.call('ZREM', marks, hash) end
return { #over, #over == most and 1 or 0 }
