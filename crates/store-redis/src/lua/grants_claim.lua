-- now, when they are due next, how many at most, how many to pass over, how many to look at
local now, next_due, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local passed, looks = tonumber(ARGV[4]), tonumber(ARGV[5])
local claimed, seen = {}, 0
local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', passed, looks)
for _, id in ipairs(due) do
  if #claimed == most then return { claimed, false } end
  seen = seen + 1
  local g = find(id)
  if not g then
    redis.call('ZREM', DUE, id)
  elseif g.is_sound and is_leased(g, tonumber(now)) then
    passed = passed + 1
  else
    -- One that is damaged must not keep the others from being found.
    redis.call('ZADD', DUE, next_due, id)
    if g.is_sound then redis.call('HSET', key_of(id), 'd', next_due) end
    claimed[#claimed + 1] = { id, g.is_hash and whole(id) }
  end
end
-- How many to pass over next time, if there may be more. Whoever got none goes on.
return { claimed, seen == looks and passed }
