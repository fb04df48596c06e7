-- user, then the sessions that have no record: they go, unless one may still come
local user, now = ARGV[1], server_time()
local dropped = 0
for n = 2, #ARGV do
  local since = redis.call('ZSCORE', PENDING, ARGV[n] .. user)
  if not since or now - tonumber(since) > GIVEN_UP then
    leave_index(user, ARGV[n])
    redis.call('ZREM', PENDING, ARGV[n] .. user)
    dropped = dropped + 1
  end
end
return dropped
