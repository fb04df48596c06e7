-- What is remembered of a key: `RateState` of session-core, as bytes. Its rule is in the same table.
--
-- A head, and then when attempts were admitted, in order, 8 bytes each. Of a key with many only the
-- begin is read, and what changes is written; so those that mean nothing any more are first counted
-- in the head, and go once they are more than the others.
local HEAD, HEAD_BYTES, READ_AT_ONCE = '>BI4i8i8I4', 25, 1024
-- No time at all: earlier than any.
local NEVER = -2 ^ 63

local function corrupt(what) error({ err = 'CORRUPT ' .. what }) end

local function read(key, requests, window, longest)
  local at = state_of(key)
  local s = { key = key, at = at, requests = requests, window = window, longest = longest,
    violations = 0, blocked = NEVER, forgiven = NEVER, gone = 0, count = 0 }
  s.bytes = redis.call('GETRANGE', at, 0, READ_AT_ONCE - 1)
  s.is_whole = #s.bytes < READ_AT_ONCE
  s.is_new = s.bytes == ''
  if s.is_new then return s end
  if s.bytes:byte(1) ~= 1 then corrupt('a rate limit was written by a newer version') end
  local length = s.is_whole and #s.bytes or redis.call('STRLEN', at)
  if length < HEAD_BYTES then corrupt('a rate limit is cut off') end
  local _
  _, s.violations, s.blocked, s.forgiven, s.gone = struct.unpack(HEAD, s.bytes)
  s.count = (length - HEAD_BYTES) / 8 - s.gone
  if s.count < 0 or s.count % 1 ~= 0 then corrupt('a rate limit is cut off') end
  return s
end

-- Where in the value the nth time begins.
local function place(s, n) return HEAD_BYTES + (s.gone + n - 1) * 8 end

local function bytes_between(s, from, to)
  if to <= #s.bytes then return s.bytes:sub(from + 1, to) end
  return redis.call('GETRANGE', s.at, from, to - 1)
end

local function time_at(s, n)
  return (struct.unpack('>i8', bytes_between(s, place(s, n), place(s, n + 1))))
end

-- How many were admitted before a time. Mostly they are few, so it is looked at the front first.
local function count_before(s, time)
  local low, high = 0, 1
  while high <= s.count and time_at(s, high) < time do low, high = high, high * 2 end
  high = math.min(high - 1, s.count)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if time_at(s, middle + 1) < time then low = middle + 1 else high = middle end
  end
  return low
end

-- Nodes' clocks differ: for each key time goes on from the latest that it saw.
local function no_earlier_than_known(s, now)
  return s.count > 0 and math.max(now, time_at(s, s.count)) or now
end

-- No clock that is at most a window ahead of this one leaves anything later than this behind.
local function forget_the_impossible(s, now)
  local latest = now + s.window
  if s.count > 0 and time_at(s, s.count) > latest then
    local possible = count_before(s, latest)
    s.bytes = s.bytes:sub(1, HEAD_BYTES) .. bytes_between(s, place(s, 1), place(s, possible + 1))
      .. struct.pack('>i8', latest):rep(s.count - possible)
    s.gone, s.is_whole, s.is_changed = 0, true, true
  end
  local latest_until = latest + math.max(s.longest, s.window + 1)
  local latest_forgiven = latest_until + s.longest
  if s.blocked > latest_until then s.blocked, s.is_changed = latest_until, true end
  if s.forgiven > latest_forgiven then s.forgiven, s.is_changed = latest_forgiven, true end
end

-- Drops what means nothing any more: only ever together with a change.
local function prune(s, now)
  local out = count_before(s, now - s.window)
  s.gone, s.count, s.is_changed = s.gone + out, s.count - out, true
  if s.blocked <= now then s.blocked = NEVER end
  if s.forgiven <= now then s.forgiven, s.violations = NEVER, 0 end
end

-- From when on the window has room. Where a rule became stricter, more than one must leave it.
local function room_at(s)
  local must_leave = s.count + 1 - s.requests
  return must_leave > 0 and time_at(s, must_leave) + s.window + 1 or NEVER
end

-- Notes a violation; until when the key is refused. `factor` is what jitter makes of a backoff.
local function violate(s, now, factor)
  prune(s, now)
  s.violations = math.min(s.violations + 1, 4294967295)
  local doubled = s.window * 2 ^ math.min(s.violations - 1, 30)
  local backoff = math.min(math.floor(doubled * factor), s.longest)
  local till = math.max(room_at(s), now + backoff)
  if backoff > 0 then s.blocked = till end
  s.forgiven = till + backoff
  return till
end

local function admit(s, now)
  now = no_earlier_than_known(s, now)
  prune(s, now)
  s.admitted = now
end

-- From when on it means nothing.
local function expires_at(s)
  local last = s.admitted or s.count > 0 and time_at(s, s.count)
  local latest = math.max(last and last + s.window + 1 or NEVER, s.blocked, s.forgiven)
  return latest == NEVER and 0 or latest
end

local function write(s, ttl)
  local added = s.admitted and struct.pack('>i8', s.admitted) or ''
  if s.is_whole or s.gone > s.count then
    local live = bytes_between(s, place(s, 1), place(s, s.count + 1))
    local head = struct.pack(HEAD, 1, s.violations, s.blocked, s.forgiven, 0)
    redis.call('SET', s.at, head .. live .. added, 'PX', ttl)
  else
    redis.call('SETRANGE', s.at, 0, struct.pack(HEAD, 1, s.violations, s.blocked, s.forgiven, s.gone))
    redis.call('APPEND', s.at, added)
    redis.call('PEXPIRE', s.at, ttl)
  end
end
