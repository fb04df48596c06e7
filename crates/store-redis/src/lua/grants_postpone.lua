-- id, version, when it is due
local id, version, due = ARGV[1], ARGV[2], ARGV[3]
local g = find(id)
if not g then return { 'no', false } end
if not g.is_sound then return unsound(id) end
if g.version ~= version then return { 'no', false } end
redis.call('HSET', key_of(id), 'd', due)
redis.call('ZADD', DUE, due, id)
return { 'yes', false }
