-- the key that is not meant, behind which id (or nothing), how many at most
local spared, from, most = ARGV[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], tonumber(ARGV[3])
-- From key to key, and of each no more than a page: what is sealed as it should be, which is nearly all
-- in the end, is not looked at.
local ids, is_full = {}, false
for _, name in ipairs(redis.call('SMEMBERS', KEY_NAMES)) do
  if name ~= spared then
    local some = redis.call('ZRANGEBYLEX', sealed_with(name), from, '+', 'LIMIT', 0, most)
    for _, id in ipairs(some) do ids[#ids + 1] = { id, name, struct.unpack('>I6I5I5', id) } end
    is_full = is_full or #some == most
  end
end
-- By their bytes, as numbers: texts are compared here as the language of the server has them.
table.sort(ids, function(a, b)
  if a[3] ~= b[3] then return a[3] < b[3] end
  if a[4] ~= b[4] then return a[4] < b[4] end
  return a[5] < b[5]
end)
is_full = is_full or #ids > most
local found = {}
for n = 1, math.min(#ids, most) do
  local id = ids[n][1]
  if redis.call('EXISTS', key_of(id)) == 1 then
    found[#found + 1] = { id, whole(id) }
  else
    leave_key(id, ids[n][2])
  end
end
-- Where to go on, if there may be more.
return { found, is_full and ids[math.min(#ids, most)][1] }
