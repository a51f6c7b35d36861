import { SPARE_MS } from './values.ts'

/*
 * Every script is one atomic step, reads no clock of the server, and touches keys of one slot only: KEYS[1] is the epoch,
 * ARGV[1] the store's clock. What is written gets its time to live in the same command. A script that fails does so at
 * its first write or before it, where it has changed no session: Redis refuses writes of a script (memory, read-only,
 * too few replicas) only as long as it has not written, and those to a key that it did not declare (a user's index, whose
 * name holds the epoch) while a Cluster moves the slot. So a session enters the index before its record is written, and
 * leaves it after: whatever happens in between, the index has an entry too many, which `present` removes, and never one too
 * few. `update` and `touch` take several items; each is such a step of its own and has an answer of its own, so that one
 * that fails (a key of another type) leaves the others done and told as done. Only when the whole answer is lost is it
 * unknown of all of them.
 */
const HEAD = `
local now = ARGV[1]
local epoch = redis.call('GET', KEYS[1])
-- The first bytes of the record or mark that is present under the key.
local function head(key)
  local h = redis.call('GETRANGE', key, 0, 383)
  if h ~= '' and h:sub(2, 9) == epoch and h:sub(10, 24) > now then return h end
end
`

// One item for each key behind the first, in their order, with its own clock and equally many arguments. A list of answers;
// for an item that failed a list of the message, because not every client takes errors within a list.
const EACH = `
local replies, width = {}, #ARGV / (#KEYS - 1)
for n = 2, #KEYS do
  local at = (n - 2) * width
  now = ARGV[at + 1]
  local isDone, reply = pcall(step, KEYS[n], unpack(ARGV, at + 2, at + width))
  if not isDone then reply = { type(reply) == 'table' and reply.err or 'ERR ' .. tostring(reply) } end
  replies[n - 1] = reply
end
return replies
`

const FACTS = `
local LINES = '^(%d+)\\n([^\\n]*)\\n([^\\n]*)\\n'
-- version, handle, subject ('' for none) of a live record
local function facts(key, h)
  local version, handle, subject = h:match(LINES, 55)
  if version then return version, handle, subject end
  return redis.call('GET', key):match(LINES, 55)
end
`

// Of the entries whose time is over. More than come in, so that the index of a user is as small as what lives.
const MOST_TRIMMED = 16

// The members of a subject's index are the keys behind the tag, with expiresAt as score: short, so that Redis keeps small
// indexes in one piece of memory (zset-max-listpack-value).
const INDEX = `
local function parts(key)
  return key:match('^([^{]*{..})(.*)$')
end
local function tell(root, told)
  redis.call('PUBLISH', root:match('^[^{]*') .. 'endings', told)
end
local function tellOf(key)
  local root, rest = parts(key)
  tell(root, root:sub(-3, -2) .. rest)
end
local function indexOf(key, subject)
  return parts(key) .. ':u:' .. epoch .. ':' .. subject
end
-- Before the record is written. Each session that comes in takes some out whose time has been over for a while.
local function enlist(index, key, expiresAt, ttl)
  local _, rest = parts(key)
  if redis.call('ZADD', index, expiresAt, rest) == 1 then
    local over = redis.call('ZRANGE', index, '-inf', now - ${SPARE_MS}, 'BYSCORE', 'LIMIT', 0, ${MOST_TRIMMED})
    if #over > 0 then redis.call('ZREM', index, unpack(over)) end
  end
  if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
end
-- In a Cluster that moves the slot, a server may have the record and not the index: there, one that is made would displace
-- the real one or stop the move. A command of two keys is refused then, for which one of one key would find nothing.
local function enlistAgain(key, subject, expiresAt, ttl)
  local index = indexOf(key, subject)
  if KEYS[1]:sub(-6) == ':epoch' then redis.call('EXISTS', key, index) end
  enlist(index, key, expiresAt, ttl)
end
`

// Members of which the record is not there any more (evicted by the server, deleted by hand) leave the index here.
const PRESENT = `
local function older(a, b)
  if a.createdAt == b.createdAt then return a.rest < b.rest end
  return a.createdAt < b.createdAt
end
-- The subject's sessions, the oldest first.
local function present(root, index)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  local found = {}
  for _, rest in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local h = head(root .. rest)
    if h and h:sub(1, 1) == 'L' then
      local _, handle = facts(root .. rest, h)
      found[#found + 1] = { rest = rest, createdAt = h:sub(40, 54), handle = handle }
    else
      redis.call('ZREM', index, rest)
    end
  end
  table.sort(found, older)
  return found
end
-- Ends the first of these sessions; gives their handles.
local function finish(root, index, sessions, count)
  local told, handles = {}, {}
  for n = 1, count do
    told[n] = root:sub(-3, -2) .. sessions[n].rest
    handles[n] = sessions[n].handle
  end
  if count > 0 then tell(root, table.concat(told, ' ')) end
  for n = 1, count do
    redis.call('UNLINK', root .. sessions[n].rest)
    redis.call('ZREM', index, sessions[n].rest)
  end
  return handles
end
`

const ROOM = `
-- The handles of the sessions that were ended for one more, which does not count 'except'. Nil: no room.
local function makeRoom(root, index, max, onLimit, except)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  if redis.call('ZCARD', index) < max then return {} end
  local others = {}
  for _, session in ipairs(present(root, index)) do
    if session.rest ~= except then others[#others + 1] = session end
  end
  local excess = #others - max + 1
  if excess <= 0 then return {} end
  if onLimit == 'reject' then return nil end
  return finish(root, index, others, excess)
end
`

// KEYS epoch, record. ARGV now, record, ttl, subject, max, onLimit. 0: exists, 1: limit, else the evicted; with onLimit 'later'
// nobody is, and something stands in their place when 'trim' has to look.
// An epoch that is missing is made of the new key, which is random and never used again: if the server loses the epoch,
// everything from before stays ended.
const INSERT = `${HEAD}${FACTS}${INDEX}${PRESENT}${ROOM}
local key, text, ttl, subject = KEYS[2], ARGV[2], ARGV[3], ARGV[4]
local isFirst = not epoch
if isFirst then epoch = key:sub(-8) end
if head(key) then return 0 end
local evicted, index = {}, nil
if subject ~= '' then
  index = indexOf(key, subject)
  local max = tonumber(ARGV[5])
  if ARGV[6] == 'later' then
    if redis.call('ZCARD', index) >= max then evicted = {'later'} end
  elseif max then
    evicted = makeRoom(parts(key), index, max, ARGV[6], nil)
  end
  if not evicted then return 1 end
end
if index then enlist(index, key, text:sub(1, 15), ttl) end
if isFirst then redis.call('SET', KEYS[1], epoch) end
redis.call('SET', key, 'L' .. epoch .. text, 'PX', ttl)
return evicted
`

// KEYS epoch, records. ARGV for each: now, version, expiresAt and seenAt, new version, meta and data, ttl.
// 1: updated; nil: nothing; else what is there. Handle, subject and createdAt stay as they are.
const UPDATE = `${HEAD}${FACTS}${INDEX}
local function step(key, expected, times, newVersion, text, ttl)
  local h = head(key)
  if not h then return false end
  if h:sub(1, 1) ~= 'L' then return redis.call('GET', key) end
  local version, handle, subject = facts(key, h)
  if version ~= expected then return redis.call('GET', key) end
  local createdAt = h:sub(40, 54)
  local lines = '\\n' .. handle .. '\\n' .. subject .. '\\n'
  if subject ~= '' then enlistAgain(key, subject, times:sub(1, 15), ttl) end
  redis.call('SET', key, 'L' .. epoch .. times .. createdAt .. newVersion .. lines .. text, 'PX', ttl)
  return 1
end
${EACH}`

// KEYS epoch, records. ARGV for each: now, seenAt, expiresAt, ttl. Changes the instants in place: the data is not written
// again.
const TOUCH = `${HEAD}${FACTS}${INDEX}
local function step(key, seenAt, expiresAt, ttl)
  local h = head(key)
  if not h or h:sub(1, 1) ~= 'L' then return 0 end
  if expiresAt > h:sub(10, 24) then
    local _, _, subject = facts(key, h)
    if subject ~= '' then enlistAgain(key, subject, expiresAt, ttl) end
    redis.call('SETRANGE', key, 9, expiresAt)
    redis.call('PEXPIRE', key, ttl)
  end
  if seenAt > h:sub(25, 39) then redis.call('SETRANGE', key, 24, seenAt) end
  return 1
end
${EACH}`

// Takes the live record out, and leaves the mark ('' for none). Where the index cannot be written, its entry stays: nobody
// is kept from signing out by that.
const BURY = `
local function bury(key, subject, mark, ttl)
  local _, rest = parts(key)
  redis.call('UNLINK', key)
  if subject ~= '' then redis.pcall('ZREM', indexOf(key, subject), rest) end
  if mark ~= '' then redis.call('SET', key, mark:sub(1, 1) .. epoch .. mark:sub(2), 'PX', ttl) end
end
`

// KEYS epoch, record. ARGV now, version ('' for any), mark, ttl of the mark. 1: ended; nil: nothing; else what is there.
const END = `${HEAD}${FACTS}${INDEX}${BURY}
local key = KEYS[2]
local h = head(key)
if not h then return false end
if h:sub(1, 1) ~= 'L' then return redis.call('GET', key) end
local version, _, subject = facts(key, h)
if ARGV[2] ~= '' and version ~= ARGV[2] then return redis.call('GET', key) end
tellOf(key)
bury(key, subject, ARGV[3], ARGV[4])
return 1
`

// KEYS epoch, old, new. ARGV now, version, record, ttl, subject, max, onLimit, mark, ttl of the mark.
// 0: exists, 1: limit, a list: the evicted, nil: nothing, else what is there.
const ROTATE = `${HEAD}${FACTS}${INDEX}${PRESENT}${ROOM}${BURY}
local old, new, text, ttl, subject = KEYS[2], KEYS[3], ARGV[3], ARGV[4], ARGV[5]
local h = head(old)
if not h then return false end
if h:sub(1, 1) ~= 'L' then return redis.call('GET', old) end
local version, _, oldSubject = facts(old, h)
if version ~= ARGV[2] then return redis.call('GET', old) end
if head(new) then return 0 end
local evicted, index = {}, nil
if subject ~= '' then
  index = indexOf(new, subject)
  local _, replaced = parts(old)
  if oldSubject ~= subject then replaced = nil end
  if ARGV[6] ~= '' then evicted = makeRoom(parts(new), index, tonumber(ARGV[6]), ARGV[7], replaced) end
  if not evicted then return 1 end
end
tellOf(old)
if index then enlist(index, new, text:sub(1, 15), ttl) end
redis.call('SET', new, 'L' .. epoch .. text, 'PX', ttl)
bury(old, oldSubject, ARGV[8], ARGV[9])
return evicted
`

const SUBJECT = `${HEAD}${FACTS}${INDEX}${PRESENT}
if not epoch then return EMPTY end
local root, index = parts(KEYS[2]), KEYS[2] .. epoch .. ':' .. ARGV[2]
local sessions = present(root, index)
`

// KEYS epoch, base of the indexes. ARGV now, subject.
const LIST = `${SUBJECT.replace('EMPTY', '{}')}
local records = {}
for n, session in ipairs(sessions) do records[n] = redis.call('GET', root .. session.rest) end
return records
`
const COUNT = `${SUBJECT.replace('EMPTY', '0')}
return #sessions
`

// KEYS epoch, base of the indexes. ARGV now, subject, 'only' or 'except', handle.
const END_OF_SUBJECT = `${SUBJECT.replace('EMPTY', '0')}
local chosen = {}
for _, session in ipairs(sessions) do
  if (session.handle == ARGV[4]) == (ARGV[3] == 'only') then chosen[#chosen + 1] = session end
end
finish(root, index, chosen, #chosen)
return #chosen
`

// KEYS epoch, base of the indexes. ARGV now, subject, max, the key behind the tag of the session that is to stay.
const TRIM = `${HEAD}${FACTS}${INDEX}${PRESENT}${ROOM}
if not epoch then return {} end
local index, max = KEYS[2] .. epoch .. ':' .. ARGV[2], tonumber(ARGV[3])
-- Another login may have ended the new session in the meantime: then it takes no place.
if not redis.call('ZSCORE', index, ARGV[4]) then max = max + 1 end
return makeRoom(parts(KEYS[2]), index, max, 'evict-oldest', ARGV[4])
`

// KEYS epoch. ARGV channel, the new epoch. What ends everything in an emergency needs some bytes, on a full server too.
const CLEAR = `#!lua flags=allow-oom
redis.call('PUBLISH', ARGV[1], 'cleared')
redis.call('SET', KEYS[1], ARGV[2])
return 1
`

// KEYS epoch, record. ARGV now. Takes away what is there and not present.
const REAP = `${HEAD}
if head(KEYS[2]) then return 0 end
return redis.call('UNLINK', KEYS[2])
`

/** The scripts that take several items. */
export type StepName = 'update' | 'touch'

/** The scripts by name. */
export type ScriptName =
  StepName | 'insert' | 'end' | 'rotate' | 'list' | 'count' | 'endOfSubject' | 'trim' | 'clear' | 'reap'

/** The texts of the scripts. */
export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  insert: INSERT,
  update: UPDATE,
  touch: TOUCH,
  end: END,
  rotate: ROTATE,
  list: LIST,
  count: COUNT,
  endOfSubject: END_OF_SUBJECT,
  trim: TRIM,
  clear: CLEAR,
  reap: REAP,
}
