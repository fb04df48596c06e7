-- then, for each session that has ended: id, user
for n = 1, #ARGV, 2 do
  leave_index(ARGV[n + 1], ARGV[n])
  redis.call('ZREM', PENDING, ARGV[n] .. ARGV[n + 1])
end
return 1
