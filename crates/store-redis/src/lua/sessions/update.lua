-- id, expected version, now, then pairs of a part's name and what it is to be
local id, expected, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local r = find(id)
if not (r and is_live(r, now)) then return { 'not live', false } end
if r.version ~= expected then return { 'conflict', false } end
for n = 4, #ARGV, 2 do r[ARGV[n]] = ARGV[n + 1] end
r.version = r.version + 1
return { 'updated', replace(id, r) }
