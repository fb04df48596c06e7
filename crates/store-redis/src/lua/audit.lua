-- What every step about the audit log begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local LOG, ENDS = prefix .. 'audit', prefix .. 'audit:ends'
local IDS, TURN = prefix .. 'audit:ids', prefix .. 'audit:turn'
local FORM = '1'
local function of_user(user) return prefix .. 'audit:u:' .. user end
local function of_session(id) return prefix .. 'audit:s:' .. id end
local function times_of(user) return prefix .. 'audit:t:' .. user end

-- Where the chain begins or ends, as `audit/record.rs` writes it: before the first record at first.
local function anchor(name)
  return redis.call('HGET', ENDS, name) or FORM .. string.rep('\0', 40)
end

-- The record at a place, given as text.
local function record(place)
  return redis.call('XRANGE', LOG, place .. '-0', place .. '-0')[1]
end

-- Some of what a user's events are found by, in the order of time: `place action`. Then where to go on:
-- a time, and how many of that time were seen; nothing at the end.
local function period(user, since, skip, looks)
  local found = redis.call('ZRANGEBYSCORE', times_of(user), since, '+inf', 'WITHSCORES',
    'LIMIT', skip, looks)
  local members = {}
  for n = 1, #found, 2 do members[#members + 1] = found[n] end
  if #members < looks then return members, false end
  local last = found[#found]
  local seen = last == found[2] and tonumber(last) == tonumber(since) and skip or 0
  for n = 2, #found, 2 do
    if found[n] == last then seen = seen + 1 end
  end
  return members, { last, seen }
end
