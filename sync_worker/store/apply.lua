-- Applies a batch of events; for each key the newest version wins.
--
-- KEYS[i]   key of event i
-- ARGV[1]   name of the member (json) or field (hash) that holds the version
-- ARGV[2]   tombstone's lifetime in seconds
-- ARGV[3]   prefix of tombstone keys
-- then four for each event i:
--   version   decimal; 0: unversioned, written as it is without a check
--   kind      json | hash
--   expiry    seconds, or empty
--   row       json: a JSON object; hash: a flat JSON array of field, text, …; empty: delete
--
-- Returns {stale, i, reason, i, reason, …}: stale is a list of those refused as not newer, the pairs
-- are events that could not be applied.
--
-- json: a string, the row with the version as its last member. hash: a field a column, and the version.
-- A deleted key leaves a tombstone holding the version, in the same hash slot.

local member, tombstone_ttl, tombstone_prefix = ARGV[1], ARGV[2], ARGV[3]
local quoted = cjson.encode(member)
local tail_pattern = quoted:gsub('%p', '%%%0') .. ':(%d+)}$'
local tail_length = -(#quoted + 18) -- ':', 16 digits, '}'
local pcall, sub, match = redis.pcall, string.sub, string.match

local function tombstone_of(key)
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  if close and close > open + 1 then
    return tombstone_prefix .. key
  end
  return tombstone_prefix .. '{' .. key .. '}'
end

local function string_version(key)
  local tail = pcall('GETRANGE', key, tail_length, -1)
  if type(tail) == 'table' then
    return nil, tail.err
  end
  if tail == '' then
    return false
  end
  return tonumber(match(tail, tail_pattern) or 0)
end

local function hash_version(key)
  local version = pcall('HGET', key, member)
  if type(version) == 'table' then
    return nil, version.err
  end
  if version then
    return tonumber(version) or 0
  end
  return redis.call('EXISTS', key) == 1 and 0
end

-- The version held for a key: a number, or nil and the reason why it cannot be known.
local function held_version(key, kind)
  local first, second = string_version, hash_version
  if kind == 'hash' then
    first, second = hash_version, string_version
  end
  local version, reason = first(key)
  if version == nil then
    version = second(key) -- the table's kind was changed
    if version == nil then
      return nil, reason
    end
  end
  return version or tonumber(redis.call('GET', tombstone_of(key)) or 0)
end

local function write_json(key, version, expiry, row)
  if version ~= '0' then
    local comma = match(row, '^{%s*}$') and '' or ','
    row = sub(row, 1, -2) .. comma .. quoted .. ':' .. version .. '}'
  end
  if expiry ~= '' then
    return pcall('SET', key, row, 'EX', expiry)
  end
  return pcall('SET', key, row)
end

local function write_hash(key, version, expiry, row)
  local flat = cjson.decode(row)
  if version ~= '0' then
    flat[#flat + 1] = member
    flat[#flat + 1] = version
  end
  local done = pcall('DEL', key)
  if type(done) == 'table' then
    return done
  end
  for i = 1, #flat, 1000 do -- Lua cannot unpack a very wide row at once
    done = pcall('HSET', key, unpack(flat, i, math.min(i + 999, #flat)))
    if type(done) == 'table' then
      return done
    end
  end
  if expiry ~= '' and #flat > 0 then
    return pcall('EXPIRE', key, expiry)
  end
  return done
end

local function delete(key, version)
  local done = pcall('DEL', key)
  if version ~= '0' and type(done) ~= 'table' then
    return pcall('SET', tombstone_of(key), version, 'EX', tombstone_ttl)
  end
  return done
end

local function apply(key, version, kind, expiry, row)
  if version ~= '0' then
    local held, reason = held_version(key, kind)
    if not held then
      return reason
    end
    if tonumber(version) <= held then
      return 'stale'
    end
  end
  local done
  if row == '' then
    done = delete(key, version)
  elseif kind == 'hash' then
    done = write_hash(key, version, expiry, row)
  else
    done = write_json(key, version, expiry, row)
  end
  return type(done) == 'table' and done.err
end

local stale = {}
local result = {stale}
local at = 3
for i = 1, #KEYS do
  local reason = apply(KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  at = at + 4
  if reason == 'stale' then
    stale[#stale + 1] = i
  elseif reason then
    result[#result + 1] = i
    result[#result + 1] = reason
  end
end
return result
