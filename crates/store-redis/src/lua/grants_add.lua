-- id, then the grant
local id = ARGV[1]
if redis.call('EXISTS', key_of(id)) == 1 then return 0 end
put(id, 2)
return 1
