-- What every step about sessions begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local DUE, ENDED, EXPIRED = prefix .. 'due', prefix .. 'ended', prefix .. 'expired'
-- Of all sessions, also where they are spread over hash slots: `{name:7f}:` is a part of `{name}:`.
local CHANGED = string.gsub(prefix, ':%x%x}:$', '}:') .. 'changed'
local function key_of(id) return prefix .. 's:' .. id end

-- The record, as `record.rs` writes it. What only Rust reads stays bytes here.
local FORM = '>BBBi8c8i8i8c8i8c32I2c0I2c0I2c0I2c0I4c0I4c0'
local OPEN, SUSPENDED, IS_EXPIRED, IS_REVOKED, IS_TERMINATED = 0, 1, 2, 3, 4

local function unpacked(bytes)
  local r = {}
  r.form, r.standing, r.flags, r.version, r.created, r.used, r.expires, r.idle, r.ended, r.secret,
    r.user, r.reason, r.metadata, r.rotation, r.fingerprint, r.details = struct.unpack(FORM, bytes)
  if r.form ~= 1 then error('RECORD of an unknown form') end
  return r
end

local function packed(r)
  return struct.pack(FORM, r.form, r.standing, r.flags, r.version, r.created, r.used, r.expires,
    r.idle, r.ended, r.secret, #r.user, r.user, #r.reason, r.reason, #r.metadata, r.metadata,
    #r.rotation, r.rotation, #r.fingerprint, r.fingerprint, #r.details, r.details)
end

-- Bit 1 of the flags: there is an idle timeout.
local function deadline_after(used, expires, flags, idle)
  if flags % 4 < 2 then return expires end
  return math.min(used + struct.unpack('>i8', idle), expires)
end

local function deadline(r) return deadline_after(r.used, r.expires, r.flags, r.idle) end

local function is_live(r, now) return r.standing <= SUSPENDED and now < deadline(r) end

local function find(id)
  local bytes = redis.call('GET', key_of(id))
  return bytes and unpacked(bytes)
end

-- The same, and true behind it where it cannot be read: one such must not keep a step from the others.
local function look_at(id)
  local is_sound, r = pcall(find, id)
  if is_sound then return r, false end
  return false, true
end

-- Other nodes hear that what they know of a session is no longer so.
local function announce(id) redis.call('PUBLISH', CHANGED, 's' .. id) end

-- A change of a session that goes on.
local function replace(id, r)
  local bytes = packed(r)
  redis.call('SET', key_of(id), bytes, 'KEEPTTL')
  announce(id)
  return bytes
end

-- Takes a session out of its user's index, where that is in the same hash slot (`users.lua`). Where it
-- is not, whoever runs the step sees to it afterwards.
local leave_index

-- Ends a session that is open: as expired if it had passed its deadline. What is kept of it stays
-- for `keep` at most, should nobody sweep.
local function finish(id, r, kind, reason, at, keep)
  if at >= deadline(r) then kind, reason = IS_EXPIRED, 'expired' end
  r.standing, r.reason, r.ended, r.version = kind, reason, at, r.version + 1
  local bytes = packed(r)
  redis.call('SET', key_of(id), bytes, 'PX', keep)
  redis.call('ZREM', DUE, id)
  redis.call('ZADD', kind == IS_EXPIRED and EXPIRED or ENDED, at, id)
  if leave_index then leave_index(r.user, id) end
  announce(id)
  return bytes
end

-- How long a record stays that ends in `left`: a net for what nobody sweeps, never what ends a session.
-- At most a thousand years, since Redis counts in 64 bits.
local function time_to_live(left, keep)
  return string.format('%.0f', math.max(1, math.min(math.max(left, 0) + keep, 31536000000000)))
end
