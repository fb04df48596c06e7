-- id
local id = ARGV[1]
local key = account_key(id)
if redis.call('EXISTS', key) == 0 then return 'unknown' end
local form, email = unpack(redis.call('HMGET', key, 'form', 'email'))
if form ~= FORM then return 'newer' end
redis.call('DEL', key)
redis.call('ZREM', ACCOUNTS, id)
-- Nobody else's address.
if email and redis.call('GET', address_key(email)) == id then
  redis.call('DEL', address_key(email))
end
return 'removed'
