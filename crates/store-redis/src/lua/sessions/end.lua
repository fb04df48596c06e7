-- id, kind, reason, at, keep
local id, kind, reason, at, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local r = find(id)
if not r then return { 'unknown', false } end
if r.standing > SUSPENDED then return { 'before', packed(r) } end
local was_live = is_live(r, at)
return { was_live and 'ended' or 'expired', finish(id, r, kind, reason, at, keep) }
