-- id, record, deadline, time to live, when the place was taken
local id = ARGV[1]
if redis.call('EXISTS', key_of(id)) == 1 then return 'taken' end
if server_time() - tonumber(ARGV[5]) > TOO_LATE then return 'late' end
redis.call('SET', key_of(id), ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', DUE, ARGV[3], id)
return 'stored'
