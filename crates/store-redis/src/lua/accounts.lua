-- What every step about accounts begins with. Keys and their meaning: docs/redis.md.
local prefix = KEYS[1]
local ACCOUNTS = prefix .. 'accounts'
local FORM = '1'
local function account_key(id) return prefix .. 'account:' .. id end
local function address_key(email) return prefix .. 'address:' .. email end

-- All fields, in the order in which `accounts.rs` reads them.
local function account(id)
  return redis.call('HMGET', account_key(id), 'form', 'email', 'password', 'metadata', 'disabled',
    'version', 'created', 'set')
end
