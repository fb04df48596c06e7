-- Nearly every create ends here, before the steps that it does not need are even defined: that alone
-- would take a third of its time.
-- id, user, record, created at, deadline, time to live, most live sessions, policy, keep
local open = redis.call('ZCARD', index_of(ARGV[2]))
if open < tonumber(ARGV[7]) then
  local id, user = ARGV[1], ARGV[2]
  if not redis.call('SET', key_of(id), ARGV[3], 'PX', ARGV[6], 'NX') then return { 'taken', false } end
  redis.call('ZADD', index_of(user), 0, id)
  redis.call('ZADD', DUE, ARGV[5], id)
  redis.call('ZADD', USERS, -open - 1, user)
  return { 'stored', false }
end

