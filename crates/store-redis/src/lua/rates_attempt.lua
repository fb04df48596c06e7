-- now, what jitter makes of a backoff, keep, most keys that are counted;
-- then, for each attempt: key, requests, window, longest backoff
local now, factor, keep, max_keys = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local asked, state_by_key = {}, {}
for n = 5, #ARGV, 4 do
  local s = read(ARGV[n], tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2]), tonumber(ARGV[n + 3]))
  asked[#asked + 1], state_by_key[s.key] = s, s
end

-- `decide` of session-core, step by step.
local remaining, is_refused, wait, violations, is_new = 4294967295, false, 0, 0, 0
for _, s in ipairs(asked) do
  forget_the_impossible(s, now)
  local clock, till = no_earlier_than_known(s, now), nil
  if s.blocked > clock then
    -- The rule may have become stricter since it was blocked.
    till = math.max(s.blocked, room_at(s))
  else
    local room = s.requests - (s.count - count_before(s, clock - s.window))
    if room > 0 then
      remaining = math.min(remaining, room - 1)
    else
      till, is_new = violate(s, clock, factor), 1
    end
  end
  if till then
    is_refused = true
    -- By the clock of whoever asks, which may be behind the latest that is known.
    wait = math.max(wait, till - now)
    violations = math.max(violations, s.violations)
  end
end
if not is_refused then
  for _, s in ipairs(asked) do admit(s, now) end
end

local changed, added = {}, 0
for key, s in pairs(state_by_key) do
  if s.is_changed then
    changed[#changed + 1] = s
    if s.is_new then added = added + 1 end
  end
end

-- Drops of the keys that expire first as many as may go, and none that are being counted.
local function drop_some(keys, most)
  for _, key in ipairs(keys) do
    if most > 0 and not state_by_key[key] then
      drop(key)
      most = most - 1
    end
  end
end

if #changed > 0 then
  -- What means nothing any more goes faster than it can be added, and so does what is over the bound.
  drop_some(redis.call('ZRANGEBYSCORE', OVER, '-inf', now, 'LIMIT', 0, added + 8), added + 8)
  local excess = math.min(redis.call('ZCARD', OVER) + added - max_keys, added + 128)
  if excess > 0 then drop_some(redis.call('ZRANGE', OVER, 0, excess + #asked - 1), excess) end
  for _, s in ipairs(changed) do
    local expires = expires_at(s)
    write(s, time_to_live(expires - now, keep))
    redis.call('ZADD', OVER, expires, s.key)
  end
end
return { is_refused and 0 or 1, remaining, wait, violations, is_new }
