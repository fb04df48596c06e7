-- user, before which id (or nothing), now, how many live ones, how many to look at
local user, before, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, looks = tonumber(ARGV[4]), tonumber(ARGV[5])
local found, damaged, last = {}, {}, before
local from = before == '' and '+' or '(' .. before
local ids = redis.call('ZREVRANGEBYLEX', index_of(user), from, '-', 'LIMIT', 0, looks)
for _, id in ipairs(ids) do
  last = id
  local r, bytes, is_damaged = look(id)
  if is_damaged then
    damaged[#damaged + 1] = id
  elseif not r then
    drop_stale(user, id)
  elseif is_live(r, now) then
    found[#found + 1] = { id, bytes }
    if #found == most then return { found, damaged, false } end
  end
end
-- Where to go on, if there may be more.
return { found, damaged, #ids == looks and last }
