-- now, how many that are due are looked at
local due, due_of = look_at_due(ARGV[1], ARGV[2])
local open, expired, ended = counts()
local told = {}
for user, of_user in pairs(due_of) do told[#told + 1] = { user, of_user } end
return { open, due, expired, ended, told }
