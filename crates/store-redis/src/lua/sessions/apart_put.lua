-- id, record, deadline, time to live, when the place was taken, 1 if nobody had it before
local id = ARGV[1]
local there = redis.call('GET', key_of(id))
-- The client may have sent this again by itself, after an answer that was lost: no other has the secret.
if there then return ARGV[6] == '1' and there == ARGV[2] and 'stored' or 'taken' end
if server_time() - tonumber(ARGV[5]) > TOO_LATE then return 'late' end
redis.call('SET', key_of(id), ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', DUE, ARGV[3], id)
return 'stored'
