-- id, 1 to hold back or 0 to let go, now
local id, standing, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local r = find(id)
if not (r and is_live(r, now)) then return { 'not live', false } end
if r.standing == standing then return { 'unchanged', packed(r) } end
r.standing, r.version = standing, r.version + 1
return { 'changed', replace(id, r) }
