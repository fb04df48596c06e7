-- now, forget before, how many at most, keep, whether to name what is forgotten
local now, forget_before, most, keep = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local expired = {}
local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, most)
for _, id in ipairs(due) do
  local r, is_damaged = look_at(id)
  if is_damaged then
    -- Nobody can judge it: out of the others' way, to be looked at again in an hour.
    redis.call('ZADD', DUE, now + 3600000, id)
  elseif not r or r.standing > SUSPENDED then
    redis.call('ZREM', DUE, id)
  else
    finish(id, r, IS_EXPIRED, 'expired', now, keep)
    expired[#expired + 1] = { id, r.user, struct.pack('>i8', r.expires) }
  end
end
local forgotten, named = 0, {}
for _, ended in ipairs({ EXPIRED, ENDED }) do
  local old = redis.call('ZRANGEBYSCORE', ended, '-inf', '(' .. forget_before, 'LIMIT', 0, most - forgotten)
  for _, id in ipairs(old) do
    local r = ARGV[5] == '1' and look_at(id)
    if r then named[#named + 1] = { id, r.user } end
    redis.call('DEL', key_of(id))
    redis.call('ZREM', ended, id)
  end
  forgotten = forgotten + #old
end
return { expired, forgotten, named, (#due == most or forgotten == most) and 1 or 0 }
