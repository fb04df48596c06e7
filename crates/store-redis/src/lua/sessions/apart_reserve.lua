-- id, user, most live sessions, then those that have ended meanwhile
local id, user, max = ARGV[1], ARGV[2], tonumber(ARGV[3])
for n = 4, #ARGV do leave_index(user, ARGV[n]) end
local index = index_of(user)
if redis.call('ZSCORE', index, id) then
  -- The client may have sent this again by itself, after an answer that was lost: the place is ours.
  local since = redis.call('ZSCORE', PENDING, id .. user)
  if since then return { 'again', { since } } end
  return { 'taken', false }
end
local open = redis.call('ZCARD', index)
if open >= max then return { 'full', redis.call('ZRANGE', index, 0, -1) } end
local time = server_time()
redis.call('ZADD', index, 0, id)
redis.call('ZADD', PENDING, time, id .. user)
count_user(user, open + 1)
return { 'reserved', { string.format('%.0f', time) } }
