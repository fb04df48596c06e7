-- then, for each revocation: token, record, time to live
local function put(token, r, ttl)
  local entry = entry_of(r, token)
  redis.call('ZADD', ALL, 0, entry)
  redis.call('ZADD', OVER, r.expires, entry)
  if r.user ~= '' then
    redis.call('ZADD', index_of_user(r.user), 0, entry)
    live_for(index_of_user(r.user), ttl)
  end
  if r.session ~= '' then
    redis.call('ZADD', index_of_session(r.session), 0, entry)
    live_for(index_of_session(r.session), ttl)
  end
  redis.call('SET', key_of(token), r.bytes, 'KEEPTTL')
  live_for(key_of(token), ttl)
  -- Other nodes hear that what they know of a token is no longer so.
  redis.call('PUBLISH', prefix .. 'changed', 't' .. token)
end

-- All are read before any is written: a record that cannot be read lets none of them be noted.
local known = {}
for n = 1, #ARGV, 3 do known[ARGV[n]] = find(ARGV[n]) end
for n = 1, #ARGV, 3 do
  local token, given, ttl = ARGV[n], unpacked(ARGV[n + 1]), tonumber(ARGV[n + 2])
  local first = known[token]
  if not first then
    known[token] = given
    put(token, given, ttl)
  elseif given.expires > first.expires then
    -- The first one stands, and is known for the longest time that anyone asked for.
    first.expires = given.expires
    first.bytes = first.bytes:sub(1, 1) .. given.bytes:sub(2, 9) .. first.bytes:sub(10)
    put(token, first, ttl)
  end
end
return 1
