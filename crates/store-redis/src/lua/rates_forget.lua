-- now, how many at most
local now, most = ARGV[1], tonumber(ARGV[2])
local over = redis.call('ZRANGEBYSCORE', OVER, '-inf', now, 'LIMIT', 0, most)
for _, key in ipairs(over) do drop(key) end
return { #over, #over == most and 1 or 0 }
