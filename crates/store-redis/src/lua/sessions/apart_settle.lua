-- then the places whose sessions were written
return redis.call('ZREM', PENDING, unpack(ARGV))
