-- id, by, not past, now, keep
local id, by, not_past, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local r = find(id)
if not (r and is_live(r, now)) then return false end
r.expires = math.max(math.min(r.expires + by, not_past), r.expires)
r.version = r.version + 1
redis.call('ZADD', DUE, 'XX', deadline(r), id)
local bytes = replace(id, r)
redis.call('PEXPIRE', key_of(id), time_to_live(r.expires - now, tonumber(ARGV[5])))
return bytes
