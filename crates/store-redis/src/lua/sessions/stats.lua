-- now, how many that are due are looked at, how many users are named
local due, due_of = look_at_due(ARGV[1], ARGV[2])
local open, expired, ended = counts()
local users, shifted, busiest = look_at_users(tonumber(ARGV[3]), due_of)
return { open, due, expired, ended, users, shifted, busiest }
