-- before which id (or nothing), how many
local from = ARGV[1] == '' and '+' or '(' .. ARGV[1]
local found = {}
for n, id in ipairs(redis.call('ZREVRANGEBYLEX', ACCOUNTS, from, '-', 'LIMIT', 0, ARGV[2])) do
  found[n] = { id, account(id) }
end
return found
