-- The same arguments, where the user's index has as many sessions as there may be. Those past their
-- deadline are among them.
local id, user, record, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local due, ttl, max, policy, keep = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]
if redis.call('EXISTS', key_of(id)) == 1 then return { 'taken', false } end
local index = index_of(user)
local evicted, live = {}, {}
for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local r, _, is_damaged = look(other)
  if is_damaged then
    -- Nobody can use it here: it takes no place.
  elseif not r then
    drop_stale(user, other)
  elseif is_live(r, now) then
    live[#live + 1] = { other, r }
  end
end
if #live >= max and policy == 'refuse' then return { 'limit', false } end
for n = 1, #live + 1 - max do
  local other, r = unpack(live[n])
  finish(other, r, IS_TERMINATED, 'session_limit', now, keep)
  evicted[n] = other
end
redis.call('SET', key_of(id), record, 'PX', ttl)
redis.call('ZADD', index, 0, id)
redis.call('ZADD', DUE, due, id)
count_user(user, redis.call('ZCARD', index))
return { 'stored', evicted }
