-- Applies a batch of events; for each key the newest version wins.
--
-- KEYS[i]   key of event i
-- ARGV[1]   name of the member (json) or field (hash) that holds the version
-- ARGV[2]   tombstone's lifetime in seconds
-- ARGV[3]   prefix of tombstone keys
-- then four for each event i:
--   version   decimal; 0: unversioned, written as it is without a check
--   kind      json | hash | redisjson
--   expiry    seconds, or empty
--   row       json, redisjson: a JSON object; hash: a flat JSON array of field, text, …; empty: delete
--
-- Returns {stale, i, reason, i, reason, …}: stale is a list of those refused as not newer, the pairs
-- are events that could not be applied.
--
-- json: a string, the row with the version as its last member. hash: a field a column, and the version.
-- redisjson: the same text as json, as a document of the module RedisJSON.
-- A deleted key leaves a tombstone holding the version, in the same hash slot.

local member, tombstone_ttl, tombstone_prefix = ARGV[1], ARGV[2], ARGV[3]
local quoted = cjson.encode(member)
local tail_pattern = quoted:gsub('%p', '%%%0') .. ':(%d+)}$'
local tail_length = -(#quoted + 18) -- ':', 16 digits, '}'
local document_path = '$[' .. quoted .. ']'
local DOCUMENT = 'ReJSON-RL' -- what TYPE says of a key that the module RedisJSON made
local pcall, sub, match, find = redis.pcall, string.sub, string.match, string.find
local type, tonumber, unpack, KEYS, ARGV = type, tonumber, unpack, KEYS, ARGV -- quicker as locals
local STEP = 1000 -- values that Lua may unpack at once: 8000, less what calls need

local function tombstone_of(key)
  local open = find(key, '{', 1, true)
  local close = open and find(key, '}', open + 1, true)
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

local function document_version(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then
    return false
  end
  if kind ~= DOCUMENT then
    return nil, 'WRONGTYPE the key is a ' .. kind
  end
  local found = pcall('JSON.GET', key, document_path)
  if type(found) == 'table' then
    return nil, found.err
  end
  return tonumber(match(found, '^%[(%d+)%]$') or 0)
end

-- The table's kind may have been changed, so the others are tried as well.
local readers = {
  json = {string_version, hash_version, document_version},
  hash = {hash_version, string_version, document_version},
  redisjson = {document_version, string_version, hash_version},
}

-- The version that a key holds: a number, false for no key, or nil and the reason why it cannot be
-- known.
local function held_version(key, kind)
  local first_reason
  for _, reader in ipairs(readers[kind]) do
    local version, reason = reader(key)
    if version ~= nil then
      return version
    end
    first_reason = first_reason or reason
  end
  return nil, first_reason
end

-- What each key holds, found out before anything is written: the tombstones then cost one call.
local held, reasons = {}, {}

local function look(first_event, last_event)
  local absent, tombstones = {}, {}
  for i = first_event, last_event do
    local key = KEYS[i]
    if held[key] == nil and not reasons[key] and ARGV[4 * i] ~= '0' then
      local version, reason = held_version(key, ARGV[4 * i + 1])
      if version then
        held[key] = version
      elseif reason then
        reasons[key] = reason
      else
        held[key] = 0
        absent[#absent + 1] = key
        tombstones[#tombstones + 1] = tombstone_of(key)
      end
    end
  end
  for first = 1, #absent, STEP do
    local last = math.min(first + STEP - 1, #absent)
    local found = redis.call('MGET', unpack(tombstones, first, last))
    for i = first, last do
      local version = found[i - first + 1]
      held[absent[i]] = version and tonumber(version) or 0
    end
  end
end

local function failed(done)
  return type(done) == 'table' and done.err
end

-- Strings that do not expire are written together. Each function returns why it failed, or false.
local stale = {}
local result = {stale}
local pairs_waiting, events_waiting = {}, {}

local function note(i, reason)
  if reason then
    result[#result + 1] = i
    result[#result + 1] = reason
  end
end

local function flush()
  if #pairs_waiting == 0 then
    return
  end
  for first = 1, #pairs_waiting, STEP do
    local last = math.min(first + STEP - 1, #pairs_waiting)
    if failed(pcall('MSET', unpack(pairs_waiting, first, last))) then
      for at = first, last, 2 do
        note(events_waiting[(at + 1) / 2], failed(pcall('SET', pairs_waiting[at], pairs_waiting[at + 1])))
      end
    end
  end
  pairs_waiting, events_waiting = {}, {}
end

local function with_version(row, version)
  if version == '0' then
    return row
  end
  local comma = find(row, '^{%s*}$') and '' or ','
  return sub(row, 1, -2) .. comma .. quoted .. ':' .. version .. '}'
end

local function write_json(i, key, version, expiry, row)
  row = with_version(row, version)
  if expiry ~= '' then
    return failed(pcall('SET', key, row, 'EX', expiry))
  end
  pairs_waiting[#pairs_waiting + 1] = key
  pairs_waiting[#pairs_waiting + 1] = row
  events_waiting[#events_waiting + 1] = i
  return false
end

local function write_hash(key, version, expiry, row)
  local flat = cjson.decode(row)
  if version ~= '0' then
    flat[#flat + 1] = member
    flat[#flat + 1] = version
  end
  local reason = failed(pcall('DEL', key))
  for first = 1, #flat, STEP do
    if reason then
      return reason
    end
    reason = failed(pcall('HSET', key, unpack(flat, first, math.min(first + STEP - 1, #flat))))
  end
  if not reason and expiry ~= '' and #flat > 0 then
    return failed(pcall('EXPIRE', key, expiry))
  end
  return reason
end

local function write_document(key, version, expiry, row)
  row = with_version(row, version)
  local reason = failed(pcall('JSON.SET', key, '$', row))
  if reason and find(reason, '[Uu]nknown%s.*command') then
    return 'NOMODULE kind redisjson needs the module RedisJSON, which this Redis has not loaded'
  end
  if reason then
    local kind = redis.call('TYPE', key).ok
    if kind == DOCUMENT or kind == 'none' then
      return reason
    end
    redis.call('DEL', key) -- JSON.SET does not replace a key of another type
    reason = failed(pcall('JSON.SET', key, '$', row))
  end
  if reason then
    return reason
  end
  if expiry ~= '' then
    return failed(pcall('EXPIRE', key, expiry))
  end
  return failed(pcall('PERSIST', key)) -- a document that is replaced keeps its expiry
end

local function delete(key, version)
  local reason = failed(pcall('DEL', key))
  if not reason and version ~= '0' then
    return failed(pcall('SET', tombstone_of(key), version, 'EX', tombstone_ttl))
  end
  return reason
end

local function apply(i, key, version, kind, expiry, row)
  if version == '0' then
    held[key], reasons[key] = nil, nil -- a later event of the same key has to look again
  else
    if held[key] == nil and not reasons[key] then
      flush()
      look(i, i)
    end
    if reasons[key] then
      return reasons[key]
    end
    local number = tonumber(version)
    if number <= held[key] then
      stale[#stale + 1] = i
      return false
    end
    held[key] = number
  end
  if row ~= '' and kind == 'json' then
    return write_json(i, key, version, expiry, row)
  end
  flush() -- what waits comes first, in the order of the events
  if row == '' then
    return delete(key, version)
  end
  if kind == 'redisjson' then
    return write_document(key, version, expiry, row)
  end
  return write_hash(key, version, expiry, row)
end

look(1, #KEYS)
local at = 3
for i = 1, #KEYS do
  note(i, apply(i, KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]))
  at = at + 4
end
flush()
return result
