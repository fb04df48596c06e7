-- address
local id = redis.call('GET', address_key(ARGV[1]))
return id and { id, account(id) }
