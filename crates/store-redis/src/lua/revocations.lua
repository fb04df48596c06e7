-- What every step about revocations begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local ALL, OVER = prefix .. 'rv-all', prefix .. 'rv-over'
local function key_of(token) return prefix .. 'rv:' .. token end
local function index_of_user(user) return prefix .. 'rv-u:' .. user end
local function index_of_session(session) return prefix .. 'rv-s:' .. session end

-- The begin of the record, as `revocation_record.rs` writes it. What only Rust reads comes after.
local FORM = '>Bi8c16Bc0I2c0'

local function corrupt(what) error({ err = 'CORRUPT ' .. what }) end

local function unpacked(bytes)
  if bytes:byte(1) ~= 1 then corrupt('a revocation was written by a newer version') end
  local is_whole, _, expires, id, session, user = pcall(struct.unpack, FORM, bytes)
  if not is_whole then corrupt('a revocation is cut off') end
  return { expires = expires, id = id, session = session, user = user, bytes = bytes }
end

local function find(token)
  local bytes = redis.call('GET', key_of(token))
  return bytes and unpacked(bytes)
end

-- An entry of the indexes: in the order of ids, and it says by itself where the record is.
local function entry_of(r, token) return r.id .. token end
local function parts_of(entry) return entry:sub(1, 16), entry:sub(17) end

-- Lets a key live for `ttl` at least: a net for what nobody forgets.
local function live_for(key, ttl)
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
