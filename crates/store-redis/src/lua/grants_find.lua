-- ids
local found = {}
for n, id in ipairs(ARGV) do found[n] = whole(id) end
return found
