-- id, expected version, version afterwards, now, end of the lease, the record's id, bytes and time to
-- live, what is written over the record of who died, and the time that it lives then
local id, expected, version, now, ends = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record, bytes, ttl, interrupted, keep = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local g = find(id)
if not g then return { 'not found', false } end
if not g.is_sound then return unsound(id) end
-- The client may have sent this again by itself, after an answer that was lost.
if g.record == record and g.version == version then return { 'begun', whole(id) } end
if is_leased(g, tonumber(now)) then return { 'busy', whole(id) } end
if g.version ~= expected then return { 'changed', whole(id) } end
if redis.call('EXISTS', record_key(record)) == 1 then return { 'taken', false } end
if g.record and outcome_of(g.record) == PENDING then
  redis.call('SETRANGE', record_key(g.record), 1, interrupted)
  redis.call('PEXPIRE', record_key(g.record), keep)
end
redis.call('HSET', key_of(id), 'v', version, 'u', ends, 'l', record)
put_record(id, record, bytes, now, ttl)
return { 'begun', whole(id) }
