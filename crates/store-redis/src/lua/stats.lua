-- now, how many that are due are looked at, how many users are named
local now, looks, named = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local due_of, due, shifted = {}, 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, looks)) do
  due = due + 1
  local r = find(id)
  if r then
    if not due_of[r.user] then
      due_of[r.user] = 0
      shifted[#shifted + 1] = r.user
    end
    due_of[r.user] = due_of[r.user] + 1
  end
end
-- Whoever has sessions that are due stands elsewhere in the order than the index says: these are told
-- one by one, and are left out of the order.
local told = {}
for n, user in ipairs(shifted) do
  local open = redis.call('ZSCORE', USERS, user) or 0
  told[n] = { user, -tonumber(open) - due_of[user] }
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
return { redis.call('ZCARD', DUE), due, redis.call('ZCARD', EXPIRED), redis.call('ZCARD', ENDED),
  redis.call('ZCARD', USERS), told, busiest }
