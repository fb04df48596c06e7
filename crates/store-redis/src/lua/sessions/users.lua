
local PENDING = prefix .. 'pending'

local function count_user(user, open)
  if open == 0 then redis.call('ZREM', USERS, user) else redis.call('ZADD', USERS, -open, user) end
end

leave_index = function(user, id)
  local index = index_of(user)
  if redis.call('ZREM', index, id) == 1 then count_user(user, redis.call('ZCARD', index)) end
end

-- An entry whose record is gone: past its time, and never swept.
local function drop_stale(user, id)
  redis.call('ZREM', DUE, id)
  leave_index(user, id)
end
