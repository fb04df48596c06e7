-- from which place on (or nothing: from where the chain begins), up to which entry (or nothing: the
-- last there is), how many
local from, last = ARGV[1], ARGV[2]
local base = anchor('base')
if from == '' then from = string.format('%.0f', struct.unpack('>I8', base, 2) + 1) end
if last == '' then
  local newest = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  last = newest and newest[1] or '0-0'
end
return { base, anchor('head'), last, redis.call('XRANGE', LOG, from, last, 'COUNT', ARGV[3]) }
