-- now, forget before: how much there is to sweep, and which places were taken long ago
local ended = '(' .. ARGV[2]
return {
  redis.call('ZCOUNT', DUE, '-inf', ARGV[1]),
  redis.call('ZCOUNT', EXPIRED, '-inf', ended) + redis.call('ZCOUNT', ENDED, '-inf', ended),
  redis.call('ZRANGEBYSCORE', PENDING, '-inf', server_time() - GIVEN_UP, 'LIMIT', 0, 128),
}
