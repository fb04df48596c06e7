-- id, version, then the tokens
local id, version = ARGV[1], ARGV[2]
local g = find(id)
if not g then return { 'no', false } end
if not g.is_sound then return unsound(id) end
if g.version ~= version then return { 'no', false } end
redis.call('HDEL', key_of(id), 'r', 'i')
redis.call('HSET', key_of(id), unpack(ARGV, 3))
leave_key(id, g.key)
join_key(id, redis.call('HGET', key_of(id), 'k'))
return { 'yes', false }
