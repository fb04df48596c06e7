-- how many users are named, then pairs of a user and how many of theirs are due
local due_of = {}
for n = 2, #ARGV, 2 do due_of[ARGV[n]] = tonumber(ARGV[n + 1]) end
local users, shifted, busiest = look_at_users(tonumber(ARGV[1]), due_of)
return { users, shifted, busiest }
