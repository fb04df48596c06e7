-- id, address, then pairs of a field's name and its value
local id, email = ARGV[1], ARGV[2]
-- Before the address: sent again, an account does not find its address taken by another.
if redis.call('EXISTS', account_key(id)) == 1 then return 'id' end
if redis.call('EXISTS', address_key(email)) == 1 then return 'email' end
redis.call('HSET', account_key(id), 'form', FORM, 'email', email)
for n = 3, #ARGV, 2 do redis.call('HSET', account_key(id), ARGV[n], ARGV[n + 1]) end
redis.call('SET', address_key(email), id)
redis.call('ZADD', ACCOUNTS, 0, id)
return 'added'
