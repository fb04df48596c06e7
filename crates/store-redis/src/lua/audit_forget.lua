-- where the chain begins, where it begins afterwards, then for each record before that: place, id, user,
-- session, action
if anchor('base') ~= ARGV[1] then return false end
local count = 0
for n = 3, #ARGV, 5 do
  local place, id, user, session, action = unpack(ARGV, n, n + 4)
  count = count + redis.call('XDEL', LOG, place .. '-0')
  redis.call('SREM', IDS, id)
  if user ~= '' then
    redis.call('ZREM', of_user(user), place)
    redis.call('ZREM', times_of(user), place .. ' ' .. action)
  end
  if session ~= '' then redis.call('ZREM', of_session(session), place) end
end
redis.call('HSET', ENDS, 'base', ARGV[2])
return count
