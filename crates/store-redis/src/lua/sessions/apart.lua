
-- A place in a user's index is taken before the session is written, in another hash slot. Both steps
-- go by the clocks of the servers: who has not written it after TOO_LATE milliseconds may not do so any
-- more; who finds nothing after GIVEN_UP may take the place away.
local TOO_LATE, GIVEN_UP = 20000, 60000

local function server_time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
