-- id, version that the begin made, the record's id, bytes, start and time to live, then the grant
local id, version, record = ARGV[1], ARGV[2], ARGV[3]
local bytes, started, ttl = ARGV[4], ARGV[5], ARGV[6]
local g = find(id)
if g and not g.is_sound then return unsound(id) end
local written = outcome_of(record)
if written == false then return { 'unsound record', false } end
if written and written ~= PENDING and written ~= INTERRUPTED then
  -- It was sent before.
  if not g then return { 'gone', false } end
  return { written == SUPERSEDED and 'superseded' or 'stored', whole(id) }
end
if g and g.version == version and g.record == record then
  leave_presence(id, g)
  leave_key(id, g.key)
  redis.call('DEL', key_of(id))
  put(id, 7)
  put_record(id, record, bytes, started, ttl)
  -- As it was given.
  return { 'stored', false }
end
bytes = bytes:sub(1, 1) .. string.char(SUPERSEDED) .. bytes:sub(3)
put_record(id, record, bytes, started, ttl)
if not g then return { 'gone', false } end
return { 'superseded', whole(id) }
