-- id, version, end of the lease
local id, version, ends = ARGV[1], ARGV[2], ARGV[3]
local g = find(id)
if not g then return { 'no', false } end
if not g.is_sound then return unsound(id) end
if g.version ~= version or not g.ends then return { 'no', false } end
if tonumber(ends) > tonumber(g.ends) then redis.call('HSET', key_of(id), 'u', ends) end
return { 'yes', false }
