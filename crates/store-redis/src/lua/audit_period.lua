-- user, since, how many of that time to leave out, how many at most
local members, next_one = period(ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
local found = {}
for _, member in ipairs(members) do
  local place = string.match(member, '^%d+')
  local entry = place and record(place)
  if entry then found[#found + 1] = entry end
end
return { found, next_one }
