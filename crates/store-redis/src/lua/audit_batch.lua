-- from which place on (or nothing: from where the chain begins), up to which entry (or nothing: the
-- last there is), how many
local from, last = ARGV[1], ARGV[2]
local base = anchor('base')
if from == '' then
  local place = #base == 41 and struct.unpack('>I8', base, 2) or math.huge
  -- Rust refuses the others.
  from = place < 2 ^ 53 and string.format('%.0f', place + 1) or '+'
end
if last == '' then
  local newest = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  last = newest and newest[1] or '0-0'
end
return { base, anchor('head'), last, redis.call('XRANGE', LOG, from, last, 'COUNT', ARGV[3]) }
