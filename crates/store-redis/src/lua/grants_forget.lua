-- begun before, how many at most
local before, most = ARGV[1], tonumber(ARGV[2])
local forgotten = 0
local old = redis.call('ZRANGEBYSCORE', BEGUN, '-inf', '(' .. before, 'LIMIT', 0, most)
for _, whose in ipairs(old) do
  local id, record = whose:sub(1, 16), whose:sub(17)
  forgotten = forgotten + redis.call('DEL', record_key(record))
  redis.call('ZREM', records_of(id), record)
  redis.call('ZREM', BEGUN, whose)
end
return { forgotten, #old == most and 1 or 0 }
