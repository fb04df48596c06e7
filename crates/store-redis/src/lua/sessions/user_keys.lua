-- The open sessions of each user, and how many those are: most first, then by name.
local USERS = prefix .. 'users'
local function index_of(user) return prefix .. 'u:' .. user end

