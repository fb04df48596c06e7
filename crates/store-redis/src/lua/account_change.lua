-- id, expected version, the next one, then pairs of a field's name and its new value
local id, expected, next_one = ARGV[1], ARGV[2], ARGV[3]
local key = account_key(id)
if redis.call('EXISTS', key) == 0 then return { 'unknown', false } end
-- Versions are compared as texts: no number of Lua's is in between.
local form, version = unpack(redis.call('HMGET', key, 'form', 'version'))
if form ~= FORM then return { 'newer', false } end
if version ~= expected then return { 'conflict', false } end
redis.call('HSET', key, 'version', next_one)
for n = 4, #ARGV, 2 do redis.call('HSET', key, ARGV[n], ARGV[n + 1]) end
return { 'changed', account(id) }
