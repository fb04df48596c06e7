-- user, the one to spare or nothing, kind, reason, at, keep, how many at most
local user, spared, kind, reason = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local at, keep, most = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local ended, expired, seen, damaged = {}, {}, 0, 0
-- One more than asked for, since the spared one may be among them.
for _, id in ipairs(redis.call('ZRANGE', index_of(user), 0, most)) do
  if id ~= spared and seen < most then
    seen = seen + 1
    local r, is_damaged = look_at(id)
    if is_damaged then
      damaged = damaged + 1
    elseif not r then
      drop_stale(user, id)
    else
      local told = is_live(r, at) and ended or expired
      finish(id, r, kind, reason, at, keep)
      told[#told + 1] = { id, struct.pack('>i8', r.expires) }
    end
  end
end
-- One that cannot be read does not keep the others alive; what became of them is told first.
if damaged > 0 and #ended + #expired == 0 then
  error({ err = 'CORRUPT a session cannot be read' })
end
return { ended, expired, (seen == most or damaged > 0) and 1 or 0 }
