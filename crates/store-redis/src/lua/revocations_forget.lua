-- now, how many at most
local now, most = ARGV[1], tonumber(ARGV[2])
local over = redis.call('ZRANGEBYSCORE', OVER, '-inf', now, 'LIMIT', 0, most)
for _, entry in ipairs(over) do
  local id, token = parts_of(entry)
  local r = find(token)
  -- Another one, if the token was revoked anew after this one's record was gone.
  if r and r.id == id then
    redis.call('ZREM', index_of_user(r.user), entry)
    redis.call('ZREM', index_of_session(r.session), entry)
    redis.call('DEL', key_of(token))
  end
  redis.call('ZREM', ALL, entry)
  redis.call('ZREM', OVER, entry)
end
return { #over, #over == most and 1 or 0 }
