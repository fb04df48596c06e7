-- user, action, since, how many of that time to leave out, how many to look at
local ending = ' ' .. ARGV[2]
local members, next_one = period(ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
local count = 0
for _, member in ipairs(members) do
  if string.sub(member, -#ending) == ending then count = count + 1 end
end
return { count, next_one }
