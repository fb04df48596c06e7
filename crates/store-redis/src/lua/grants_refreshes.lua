-- id, before which record (or nothing), how many at most
local id, before, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local from = before == '' and '+' or '(' .. before
local found, last = {}, before
local records = redis.call('ZREVRANGEBYLEX', records_of(id), from, '-', 'LIMIT', 0, most)
for _, record in ipairs(records) do
  last = record
  local bytes = redis.call('GET', record_key(record))
  if bytes then
    found[#found + 1] = { record, bytes }
  else
    redis.call('ZREM', records_of(id), record)
  end
end
-- Where to go on, if there may be more.
return { found, #records == most and last }
