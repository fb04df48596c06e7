
-- How many sessions are past their deadline and not swept yet, and whose they are.
local function look_at_due(now, looks)
  local due_of, due = {}, 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, looks)) do
    due = due + 1
    local r = look_at(id)
    if r then due_of[r.user] = (due_of[r.user] or 0) + 1 end
  end
  return due, due_of
end

local function counts() return redis.call('ZCARD', DUE), redis.call('ZCARD', EXPIRED), redis.call('ZCARD', ENDED) end
