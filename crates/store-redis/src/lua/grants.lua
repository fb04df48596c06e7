-- What every step about grants begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local DUE, KEY_NAMES, BEGUN = prefix .. 'gd', prefix .. 'gk', prefix .. 'gb'
local function key_of(id) return prefix .. 'g:' .. id end
local function sealed_with(name) return prefix .. 'gk:' .. name end
local function record_key(record) return prefix .. 'gr:' .. record end
local function records_of(id) return prefix .. 'gs:' .. id end
-- No name of a provider holds a colon.
local function presence_key(provider, name) return prefix .. 'gp:' .. provider .. ':' .. name end

-- All of a grant, in the order in which `grant_fields.rs` reads it.
local FIELDS = { 'f', 'v', 'd', 'u', 'l', 'p', 's', 'k', 'a', 'r', 'i', 'b' }
local function whole(id) return redis.call('HMGET', key_of(id), unpack(FIELDS)) end

local function is_time(text) return text and text:find('^%-?%d+$') ~= nil end

-- What steps judge a grant by; nothing if there is none. Numbers stay texts but to be compared, so that
-- none of them changes by being read.
local function find(id)
  local f = redis.pcall('HMGET', key_of(id), 'f', 'v', 'd', 'u', 'l', 'p', 's', 'k')
  if f.err then return { is_sound = false, is_hash = false } end
  local g = { version = f[2], ends = f[4], record = f[5], provider = f[6], presence = f[7], key = f[8] }
  g.is_hash = true
  if not f[1] and redis.call('EXISTS', key_of(id)) == 0 then return nil end
  g.is_sound = f[1] == '1' and is_time(g.version) and is_time(f[3]) and g.provider and g.key
    and (not g.ends and not g.record or is_time(g.ends) and g.record)
  g.due = f[3]
  return g
end

-- The answer where a grant cannot be judged: why, is seen by reading all of it.
local function unsound(id) return { 'unsound', whole(id) } end

local function is_leased(g, now) return g.ends and now < tonumber(g.ends) end

local function join_key(id, name)
  redis.call('ZADD', sealed_with(name), 0, id)
  redis.call('SADD', KEY_NAMES, name)
end

local function leave_key(id, name)
  redis.call('ZREM', sealed_with(name), id)
  if redis.call('EXISTS', sealed_with(name)) == 0 then redis.call('SREM', KEY_NAMES, name) end
end

local function leave_presence(id, g)
  if g.provider and g.presence then redis.call('SREM', presence_key(g.provider, g.presence), id) end
end

-- Writes a grant, of which there are pairs of a field and its value from the `first` argument on, and
-- joins all indexes.
local function put(id, first)
  redis.call('HSET', key_of(id), unpack(ARGV, first))
  local g = find(id)
  redis.call('ZADD', DUE, g.due, id)
  join_key(id, g.key)
  if g.presence then redis.call('SADD', presence_key(g.provider, g.presence), id) end
end

-- Records of refreshes, as `refresh_bytes.rs` writes them.
local PENDING, INTERRUPTED, SUPERSEDED = 0, 8, 9

-- The outcome of one; nothing if there is none, false if it cannot be judged.
local function outcome_of(record)
  local head = redis.pcall('GETRANGE', record_key(record), 0, 1)
  if head == '' then return nil end
  if type(head) ~= 'string' or #head ~= 2 or head:byte(1) ~= 1 or head:byte(2) > 10 then return false end
  return head:byte(2)
end

-- Whoever forgets it later knows whose it was, whatever has become of the record by then.
local function put_record(id, record, bytes, started, ttl)
  redis.call('SET', record_key(record), bytes, 'PX', ttl)
  redis.call('ZADD', records_of(id), 0, record)
  redis.call('ZADD', BEGUN, started, id .. record)
end
