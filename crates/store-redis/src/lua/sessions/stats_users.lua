
-- The users with most sessions. Whoever has some that are due stands elsewhere in the order than it
-- says: these are told one by one, and are left out of it.
local function look_at_users(named, due_of)
  local shifted = {}
  for user, due in pairs(due_of) do
    local open = redis.call('ZSCORE', USERS, user) or 0
    shifted[#shifted + 1] = { user, -tonumber(open) - due }
  end
  local busiest, from = {}, 0
  while #busiest < named do
    local users = redis.call('ZRANGE', USERS, from, from + named - 1, 'WITHSCORES')
    for n = 1, #users, 2 do
      if #busiest < named and not due_of[users[n]] then
        busiest[#busiest + 1] = { users[n], -tonumber(users[n + 1]) }
      end
    end
    if #users < 2 * named then break end
    from = from + named
  end
  return redis.call('ZCARD', USERS), shifted, busiest
end
