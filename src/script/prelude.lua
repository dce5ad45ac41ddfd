-- The sandbox: what a script sees, built from what Lua and the server give.
--
-- Lua 5.1 knows no read-only tables. A script therefore sees an empty table in place of each
-- library and of the globals; reads go through to the real table, writes raise. `real` maps each
-- such front to what is behind it; the functions that go past metatables ask it first.
--
-- Arguments: the natives of this state, the functions of the server.
local native, server = ...
local error, type, select = native.error, native.type, native.select
local setmetatable, getmetatable = native.setmetatable, native.getmetatable
local rawnext, rawget, rawset = native.next, native.rawget, native.rawset

local real, shown_meta = {}, {}

local READONLY = "Attempt to modify a readonly table"
local function refuse_write() error(READONLY, 2) end

local function protect(behind, meta)
  local front = {}
  real[front] = behind
  shown_meta[front] = meta
  return setmetatable(front, {__index = behind, __newindex = refuse_write, __metatable = false})
end

local function expect_table(value, name)
  if type(value) ~= 'table' then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(value) .. ")", 3)
  end
end

local globals = {_VERSION = native._VERSION}
for _, name in native.ipairs{'assert', 'error', 'ipairs', 'rawequal', 'select', 'tonumber',
    'tostring', 'type'} do
  globals[name] = native[name]
end
globals.collectgarbage, globals.gcinfo = server.collectgarbage, server.gcinfo
-- It needs the finished globals, so it is looked up when it is called.
function globals.loadstring(...) return server.loadstring(...) end

-- Past metatables.

function globals.next(t, key)
  local behind = real[t]
  if behind then return rawnext(behind, key) end
  expect_table(t, 'next')
  return rawnext(t, key)
end

function globals.pairs(t)
  if real[t] then return globals.next, t, nil end
  expect_table(t, 'pairs')
  return rawnext, t, nil
end

function globals.rawget(t, key)
  local behind = real[t]
  if behind then return rawget(behind, key) end
  expect_table(t, 'rawget')
  return rawget(t, key)
end

function globals.rawset(t, key, value)
  if real[t] then error(READONLY, 0) end
  expect_table(t, 'rawset')
  return rawset(t, key, value)
end

function globals.getmetatable(value)
  if real[value] then return shown_meta[value] end
  return getmetatable(value)
end

function globals.setmetatable(t, meta)
  if real[t] then error(READONLY, 0) end
  expect_table(t, 'setmetatable')
  if meta ~= nil and type(meta) ~= 'table' then
    error("bad argument #2 to 'setmetatable' (nil or table expected)", 2)
  end
  return setmetatable(t, meta)
end

function globals.unpack(t, from, to)
  expect_table(t, 'unpack')
  from, to = from or 1, to or #t
  if type(from) == 'number' and type(to) == 'number' and to - from >= server.unpack_max then
    error("too many results to unpack", 2)
  end
  return native.unpack(t, from, to)
end

-- Where errors are caught: a stopped script stays stopped, and an error of the server's functions
-- becomes the string or table that Lua code expects. `caught` raises again where it must.

local function settle(ok, ...)
  if ok then return true, ... end
  return false, server.caught((...))
end

local function settle_pcall(ok, ...)
  if ok then return true, ... end
  return false, server.caught_as_text((...))
end

function globals.pcall(...)
  return settle_pcall(native.pcall(...))
end

function globals.xpcall(f, handler)
  return settle(native.xpcall(f, function(e)
    -- Raising in here would call the handler again, until the stack of C is used up.
    if server.stopped() then return e end
    return handler(server.caught(e))
  end))
end

-- Text that a function hands over is gathered before it is compiled: the parser then never calls
-- back into Lua (CVE-2025-49844).
function globals.load(reader, name)
  local pieces, bytes = {}, 0
  while true do
    local piece = reader()
    if piece == nil or piece == '' then break end
    if type(piece) ~= 'string' then return nil, "reader function must return a string" end
    pieces[#pieces + 1] = piece
    bytes = bytes + #piece
    if bytes > server.chunk_bytes_max then return nil, "chunk too long" end
  end
  return server.loadstring(native.table.concat(pieces), name or "=(load)")
end

-- coroutine

-- Each coroutine that runs inside another takes a part of the thread's stack, which Lua 5.1 does
-- not count over coroutines.

local coroutine, nested = {}, 0
for name, f in native.pairs(native.coroutine) do coroutine[name] = f end

local function back(...)
  nested = nested - 1
  return settle(...)
end

function coroutine.resume(...)
  if nested >= server.nested_coroutines_max then return false, "C stack overflow" end
  nested = nested + 1
  return back(native.coroutine.resume(...))
end

local function raise_or_pass(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

function coroutine.wrap(f)
  local thread = native.coroutine.create(f)
  return function(...) return raise_or_pass(coroutine.resume(thread, ...)) end
end

-- table

local tablelib = {}
for name, f in native.pairs(native.table) do tablelib[name] = f end

function tablelib.insert(t, ...)
  if real[t] then error(READONLY, 0) end
  expect_table(t, 'insert')
  local count = select('#', ...)
  if count == 1 then return native.table.insert(t, (...)) end
  if count ~= 2 then error("wrong number of arguments to 'insert'", 2) end
  -- Below 1 the native one would shift as many places as the distance to it.
  local at = native.tonumber((...))
  if not at then
    error("bad argument #2 to 'insert' (number expected, got " .. type((...)) .. ")", 2)
  end
  if at < 1 then error("bad argument #2 to 'insert' (position out of bounds)", 2) end
  if #t > server.native_sort_max then server.look() end
  return native.table.insert(t, ...)
end

-- Of a long table, one call of these takes as long as many instructions.
for _, name in native.ipairs{'remove', 'maxn', 'foreach', 'foreachi'} do
  local f = tablelib[name]
  tablelib[name] = function(t, ...)
    expect_table(t, name)
    if #t > server.native_sort_max then server.look() end
    return f(t, ...)
  end
end
tablelib.concat = server.concat

-- A merge sort in Lua, so that the instruction hook sees every comparison: the native quicksort is
-- quadratic on chosen input.
local function merge_sort(t, spare, from, to, before)
  if from >= to then return end
  local middle = from + (to - from - (to - from) % 2) / 2
  merge_sort(t, spare, from, middle, before)
  merge_sort(t, spare, middle + 1, to, before)
  for i = from, middle do spare[i] = t[i] end
  local left, right = from, middle + 1
  for i = from, to do
    if left > middle then break end
    if right <= to and before(t[right], spare[left]) then
      t[i] = t[right]
      right = right + 1
    else
      t[i] = spare[left]
      left = left + 1
    end
  end
end

function tablelib.sort(t, before)
  expect_table(t, 'sort')
  if before ~= nil and type(before) ~= 'function' then
    error("bad argument #2 to 'sort' (function expected, got " .. type(before) .. ")", 2)
  end
  if #t <= server.native_sort_max then return native.table.sort(t, before) end
  merge_sort(t, {}, 1, #t, before or function(a, b) return a < b end)
end

-- string: patterns are matched by the server, in bounded steps. `match_from(text, pattern, at)`
-- gives the first match at or after `at`: its start, the place to go on from, the place where
-- the match ends, the captures; nothing where there is none.

local stringlib = {}
for name, f in native.pairs(native.string) do stringlib[name] = f end
stringlib.dump = nil
stringlib.rep, stringlib.find, stringlib.match = server.rep, server.find, server.match

function stringlib.gmatch(text, pattern)
  local at = 1
  local function go_on(start, resume, _, ...)
    if start then at = resume end
    return ...
  end
  server.check_pattern(text, pattern, 'gmatch')
  return function() return go_on(server.match_from(text, pattern, at)) end
end
stringlib.gfind = stringlib.gmatch

local function replaced(repl, whole, capture, ...)
  local value
  if type(repl) == 'table' then value = repl[capture] else value = repl(capture, ...) end
  if not value then return whole end
  if type(value) ~= 'string' and type(value) ~= 'number' then
    error("invalid replacement value (a " .. type(value) .. ")", 0)
  end
  return value
end

function stringlib.gsub(text, pattern, repl, max)
  if type(repl) ~= 'table' and type(repl) ~= 'function' then
    return server.gsub(text, pattern, repl, max)
  end
  server.check_pattern(text, pattern, 'gsub')
  text = text .. ''
  local out, size, count, at, copied = {}, 0, 0, 1, 1
  local anchored = native.string.byte(pattern, 1) == 94
  local function take(start, resume, stop, ...)
    if not start then return false end
    count, size = count + 1, size + 2
    out[size - 1] = native.string.sub(text, copied, start - 1)
    out[size] = replaced(repl, native.string.sub(text, start, stop), ...)
    copied, at = stop + 1, resume
    return true
  end
  while not max or count < max do
    if not take(server.match_from(text, pattern, at, true)) or anchored then break end
  end
  out[size + 1] = native.string.sub(text, copied)
  return native.table.concat(out), count
end

-- math: numbers from the server's own generator.

local mathlib = {}
for name, f in native.pairs(native.math) do mathlib[name] = f end
mathlib.random, mathlib.randomseed = server.random, server.randomseed

-- redis, of which server is another name.

globals.coroutine = protect(coroutine)
globals.table = protect(tablelib)
globals.string = protect(stringlib)
globals.math = protect(mathlib)
globals.redis = protect(server.redis)
globals.server = globals.redis
for _, name in native.ipairs{'bit', 'cjson', 'cmsgpack', 'struct'} do
  globals[name] = protect(server[name])
end

local strings = getmetatable('')
strings.__index = globals.string
strings.__metatable = protect({__index = globals.string})

local function nonexistent(_, name)
  error("Script attempted to access nonexistent global variable '" .. native.tostring(name) .. "'",
    2)
end
local front = protect(globals, protect({__index = nonexistent}))
setmetatable(globals, {__index = nonexistent})
globals._G = front

-- KEYS and ARGV by how many keys come in front of the arguments; -1: as two tables.
local place = {
  [-1] = function(keys, argv) globals.KEYS, globals.ARGV = keys, argv end,
  [0] = function(...) globals.KEYS, globals.ARGV = {}, {...} end,
  function(a, ...) globals.KEYS, globals.ARGV = {a}, {...} end,
  function(a, b, ...) globals.KEYS, globals.ARGV = {a, b}, {...} end,
}
local xpcall, report = native.xpcall, server.report

-- What a run comes to: `server.raised` and what was raised, `server.list` and the elements, or
-- `server.value` and what was returned. A list is a short table without a metatable and without the
-- keys that tell something else than an array; its elements may have gaps.
local unpack = native.unpack
local raised, list, plain, list_max = server.raised, server.list, server.value, server.list_max
local function outcome(ok, value)
  if not ok then return raised, value end
  if type(value) == 'table' and getmetatable(value) == nil
      and not (value.err or value.ok or value.double or value.map or value.set
        or value.big_number or value.verbatim_string) then
    local length = #value
    if length <= list_max then return list, unpack(value, 1, length) end
  end
  return plain, value
end

local function run(body, key_count, ...)
  nested = 0
  place[key_count](...)
  return outcome(xpcall(body, report))
end

return front, run
