-- user or nothing, session or nothing, before which id (or nothing), how many at most, how many to look at
local user, session, before = ARGV[1], ARGV[2], ARGV[3]
local most, looks = tonumber(ARGV[4]), tonumber(ARGV[5])
local index = ALL
if session ~= '' then
  index = index_of_session(session)
elseif user ~= '' then
  index = index_of_user(user)
end
local found = {}
local from = before == '' and '+' or '(' .. before
local entries = redis.call('ZREVRANGEBYLEX', index, from, '-', 'LIMIT', 0, looks)
for _, entry in ipairs(entries) do
  local id, token = parts_of(entry)
  local r = find(token)
  if not r or r.id ~= id then
    -- Its record is gone, past its time and never forgotten; the token may have been revoked anew.
    for _, list in ipairs({ index, ALL, OVER }) do redis.call('ZREM', list, entry) end
  elseif user == '' or r.user == user then
    found[#found + 1] = { token, r.bytes }
    if #found == most then return { found, false } end
  end
end
-- Where to go on, if there may be more.
return { found, #entries == looks and entries[looks]:sub(1, 16) }
