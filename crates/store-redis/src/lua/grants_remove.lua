-- id
local id = ARGV[1]
local g = find(id)
if not g then return { 'none', false } end
local before = g.is_hash and whole(id)
redis.call('ZREM', DUE, id)
leave_presence(id, g)
-- Of every key, of which there are a few: what the grant says of it may be damaged.
for _, name in ipairs(redis.call('SMEMBERS', KEY_NAMES)) do leave_key(id, name) end
redis.call('DEL', key_of(id))
return { 'removed', before }
