-- user, session, 1 for the newest first, from which place on, how many, how many to look at, what a
-- record must hold, not before, before: what is empty does not matter
local user, session, newest, from = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local most, looks, needle, since, before = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
-- The hash comes first.
local LINE = 33

-- Whether it is worth sending: Rust looks more closely.
local function may_be_asked_for(bytes)
  if needle ~= '' and not string.find(bytes, needle, LINE, true) then return false end
  if since == '' and before == '' then return true end
  local at = string.match(bytes, '"timestamp":"([^"]*)"', LINE)
  -- As texts, where they are of the width of most years.
  if not at or #at ~= 24 then return true end
  return (since == '' or at >= since) and (before == '' or at < before)
end

local index = session ~= '' and of_session(session) or user ~= '' and of_user(user)
local places, entries
if index then
  local command = newest and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE'
  if from == '' then from = newest and '+inf' or '-inf' end
  places = redis.call(command, index, from, newest and '-inf' or '+inf', 'LIMIT', 0, looks)
elseif newest then
  entries = redis.call('XREVRANGE', LOG, from == '' and '+' or from, '-', 'COUNT', looks)
else
  entries = redis.call('XRANGE', LOG, from == '' and '-' or from, '+', 'COUNT', looks)
end
local found, last = {}, false
local count = places and #places or #entries
for n = 1, count do
  -- One that is gone is for a check of the chain to find.
  local entry = entries and entries[n] or places and record(places[n])
  last = places and places[n] or entry[1]
  if entry and may_be_asked_for(entry[2][2]) then
    found[#found + 1] = entry
    if #found == most then return { found, last } end
  end
end
-- Where to go on, if there may be more.
return { found, count == looks and last }
