-- the end that the hashes build upon, the new end, who asks, 1 to be given the next turn, how long a turn
-- lasts, then for each event: place, record, id, user, session, time, action
local known_end, new_end, mine, asks, lasts = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local present, known, ids = anchor('head'), {}, {}
for n = 6, #ARGV, 7 do ids[#ids + 1] = ARGV[n + 2] end
-- Many at once, as far as a call takes them.
local function of_ids(command, found)
  for first = 1, #ids, 1000 do
    found(first, redis.call(command, IDS, unpack(ids, first, math.min(first + 999, #ids))))
  end
end
of_ids('SMISMEMBER', function(first, are_known)
  for n, is_known in ipairs(are_known) do
    -- Counted from 0.
    if is_known == 1 then known[#known + 1] = first + n - 2 end
  end
end)
local turn = redis.call('GET', TURN)
if #known > 0 then
  -- With nothing left to append there is no need of a turn.
  if turn == mine and #known == #ids then redis.call('DEL', TURN) end
  return { 'known', present, known, false }
end
if turn and turn ~= mine then return { 'turn', present, known, false } end
if present ~= known_end then
  if asks == '1' then redis.call('SET', TURN, mine, 'PX', lasts) end
  return { 'moved', present, known, false }
end
for n = 6, #ARGV, 7 do
  local place, bytes, user = ARGV[n], ARGV[n + 1], ARGV[n + 3]
  local session, at, action = ARGV[n + 4], ARGV[n + 5], ARGV[n + 6]
  local added = redis.pcall('XADD', LOG, place .. '-0', FORM, bytes)
  if type(added) == 'table' and added.err then
    -- Only the first can be refused: those after it follow it.
    local is_taken = string.find(added.err, 'equal or smaller', 1, true)
      or string.find(added.err, 'exhausted', 1, true)
    if not is_taken then return added end
    local info = redis.call('XINFO', 'STREAM', LOG)
    for m = 1, #info, 2 do
      if info[m] == 'last-generated-id' then return { 'beyond', present, known, info[m + 1] } end
    end
  end
  if user ~= '' then
    redis.call('ZADD', of_user(user), place, place)
    redis.call('ZADD', times_of(user), at, place .. ' ' .. action)
  end
  if session ~= '' then redis.call('ZADD', of_session(session), place, place) end
end
of_ids('SADD', function() end)
redis.call('HSET', ENDS, 'head', new_end)
if turn then redis.call('DEL', TURN) end
return { 'appended', new_end, known, false }
