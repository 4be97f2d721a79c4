-- Applies a batch of events; for each key the newest version wins.
--
-- KEYS[i]   key of event i
-- ARGV[1]   name of the member (json) or field (hash) that holds the version
-- ARGV[2]   tombstone's lifetime in seconds
-- ARGV[3]   prefix of tombstone keys
-- ARGV[4]   kind of all events: json | hash | redisjson; empty: each event has its own
-- ARGV[5]   expiry of all events: seconds, or empty
-- then for each event i:
--   version   decimal; 0: unversioned, written as it is without a check
--   kind      and expiry, where each event has its own
--   row       json, redisjson: a JSON object; hash: a flat JSON array of field, text, …; empty: delete
--
-- Returns {stale, i, reason, i, reason, …}: stale is a list of those refused as not newer, the pairs
-- are events that could not be applied.
--
-- json: a string, the row with the version as its last member. hash: a field a column, and the version.
-- redisjson: the same text as json, as a document of the module RedisJSON.
-- A deleted key leaves a tombstone holding the version, in the same hash slot.

local member, tombstone_ttl, tombstone_prefix = ARGV[1], ARGV[2], ARGV[3]
local common_kind, common_expiry = ARGV[4] ~= '' and ARGV[4], ARGV[5]
local HEAD, EACH = 5, common_kind and 2 or 4 -- ARGV before the events, and of each
local quoted = cjson.encode(member)
local tail_pattern = quoted:gsub('%p', '%%%0') .. ':(%d+)}$'
local tail_length = -(#quoted + 18) -- ':', 16 digits, '}'
local escaped = member:gsub('[\\"]', '\\%0')
local document_path = '$["' .. escaped .. '"]'
local DOCUMENT = 'ReJSON-RL' -- what TYPE says of a key that the module RedisJSON made
local pcall, sub, match, find, byte = redis.pcall, string.sub, string.match, string.find, string.byte
local behind, QUOTE = ',' .. quoted .. ':', byte('"')
local type, tonumber, unpack, KEYS, ARGV = type, tonumber, unpack, KEYS, ARGV -- quicker as locals
local STEP = 1000 -- values that Lua may unpack at once: 8000, less what calls need
local FEW, SMALL = 50, 4096 -- strings read whole in a call; bytes of one on average up to which they are

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

-- What each key holds, found out before anything is written: so many keys cost a few calls.
local held, reasons = {}, {}

local function look_at(key, kind, absent)
  local version, reason = held_version(key, kind)
  if version then
    held[key] = version
  elseif reason then
    reasons[key] = reason
  else
    absent[#absent + 1] = key
  end
end

-- Strings are read whole, a few in a call: quicker than the tail of each, unless they are long. Returns
-- whether none of them is there, and whether they are short.
local function look_at_strings(keys, first, last, expect_none, absent)
  if expect_none and redis.call('EXISTS', unpack(keys, first, last)) == 0 then
    for i = first, last do
      absent[#absent + 1] = keys[i]
    end
    return true, true
  end
  local values, bytes = redis.call('MGET', unpack(keys, first, last)), 0
  for i = 1, last - first + 1 do
    local value = values[i]
    if value and value ~= '' then
      held[keys[first + i - 1]] = tonumber(match(sub(value, tail_length), tail_pattern) or 0)
      bytes = bytes + #value
    else -- no key, or one of another type
      look_at(keys[first + i - 1], 'json', absent)
    end
  end
  return false, bytes <= SMALL * (last - first + 1)
end

local function look_at_tombstones(keys)
  for first = 1, #keys, STEP do
    local last = math.min(first + STEP - 1, #keys)
    local tombstones, found = {}, {}
    for i = first, last do
      tombstones[i - first + 1] = tombstone_of(keys[i])
    end
    if redis.call('EXISTS', unpack(tombstones)) > 0 then
      found = redis.call('MGET', unpack(tombstones))
    end
    for i = first, last do
      local version = found[i - first + 1]
      held[keys[i]] = version and tonumber(version) or 0
    end
  end
end

local function look(first_event, last_event)
  local strings, absent = {}, {}
  for i = first_event, last_event do
    local key, at = KEYS[i], HEAD + EACH * (i - 1)
    if held[key] == nil and ARGV[at + 1] ~= '0' then
      held[key] = 0 -- until it is known
      local kind = common_kind or ARGV[at + 2]
      if kind == 'json' then
        strings[#strings + 1] = key
      else
        look_at(key, kind, absent)
      end
    end
  end
  local none, small, first, few = true, true, 1, 4 -- they may be long: begin with little
  while small and first <= #strings do
    local last = math.min(first + few - 1, #strings)
    none, small = look_at_strings(strings, first, last, none, absent)
    first, few = last + 1, FEW
  end
  for i = first, #strings do
    look_at(strings[i], 'json', absent)
  end
  look_at_tombstones(absent)
end

local function failed(done)
  return type(done) == 'table' and done.err
end

-- Strings that do not expire are written together. Each function returns why it failed, or false.
local stale = {}
local result = {stale}
local pairs_waiting, events_waiting, waiting = {}, {}, 0

local function note(i, reason)
  if reason then
    result[#result + 1] = i
    result[#result + 1] = reason
  end
end

local function flush()
  if waiting == 0 then
    return
  end
  for first = 1, 2 * waiting, STEP do
    local last = math.min(first + STEP - 1, 2 * waiting)
    if failed(pcall('MSET', unpack(pairs_waiting, first, last))) then
      for at = first, last, 2 do
        note(events_waiting[(at + 1) / 2], failed(pcall('SET', pairs_waiting[at], pairs_waiting[at + 1])))
      end
    end
  end
  pairs_waiting, events_waiting, waiting = {}, {}, 0
end

local function with_version(row, version)
  if version == '0' then
    return row
  end
  if byte(row, 2) ~= QUOTE and find(row, '^{%s*}$') then
    return '{' .. quoted .. ':' .. version .. '}'
  end
  return sub(row, 1, -2) .. behind .. version .. '}'
end

local function write_json(i, key, version, expiry, row)
  if expiry ~= '' then
    flush()
    return failed(pcall('SET', key, with_version(row, version), 'EX', expiry))
  end
  waiting = waiting + 1
  events_waiting[waiting] = i
  pairs_waiting[2 * waiting - 1] = key
  pairs_waiting[2 * waiting] = with_version(row, version)
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
  if reason and (find(reason, 'WRONGTYPE', 1, true) or find(reason, 'wrong Redis type', 1, true)) then
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

local function write(i, key, version, kind, expiry, row)
  if kind == 'json' and row ~= '' then
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
local at = HEAD
for i = 1, #KEYS do
  local key, version, number, reason = KEYS[i], ARGV[at + 1], nil, nil
  if version == '0' then
    held[key], reasons[key] = nil, nil -- a later event of the same key has to look again
  else
    if held[key] == nil then
      flush()
      look(i, i)
    end
    number, reason = tonumber(version), reasons[key]
  end
  if not reason then
    if not number or number > held[key] then
      held[key] = number
      local kind, expiry = common_kind, common_expiry
      if not kind then
        kind, expiry = ARGV[at + 2], ARGV[at + 3]
      end
      reason = write(i, key, version, kind, expiry, ARGV[at + EACH])
    else
      stale[#stale + 1] = i
    end
  end
  if reason then
    note(i, reason)
  end
  at = at + EACH
end
flush()
return result
