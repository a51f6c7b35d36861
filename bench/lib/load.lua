-- The load: sessions in turn over all connections. Settings come from the environment:
-- BENCH_ROUTE      anonymous, read, write, login or mix
-- BENCH_COOKIES    a file with one line for each session: its Cookie header
-- BENCH_FOLLOW     yes: takes over the cookies of answers to login and mix
-- BENCH_REQUESTS   says "reached" when so many requests have begun; 0 never
-- BENCH_THINK      mean milliseconds that a connection waits before each request; 0 none
local route = os.getenv('BENCH_ROUTE')
local target = tonumber(os.getenv('BENCH_REQUESTS'))
local think = tonumber(os.getenv('BENCH_THINK'))
local plain, write, login = {}, {}, {}
local sent, slot = 0, 0
-- A sign-in ends the cookie that it came with: a session's next request waits until the answer is there.
local follows = os.getenv('BENCH_FOLLOW') == 'yes' and (route == 'login' or route == 'mix')
local waiting = {}

local function prepare(index, cookie)
  local headers = cookie ~= '' and { ['Cookie'] = cookie } or {}
  plain[index] = wrk.format('GET', '/' .. (route == 'mix' and 'read' or route), headers)
  if route == 'mix' then
    write[index] = wrk.format('GET', '/write', headers)
    login[index] = wrk.format('GET', '/login', headers)
  end
end

function init()
  math.randomseed(7)
  local index = 0
  for line in io.lines(os.getenv('BENCH_COOKIES')) do
    index = index + 1
    prepare(index, line)
  end
end

function request()
  sent = sent + 1
  if sent == target then
    io.write('reached\n')
    io.flush()
  end
  repeat slot = slot % #plain + 1 until not waiting[slot]
  waiting[slot] = follows
  if route ~= 'mix' then return plain[slot] end
  local dice = math.random(100)
  if dice == 1 then return login[slot] end
  if dice <= 10 then return write[slot] end
  return plain[slot]
end

if think > 0 then
  function delay() return math.random(0, 2 * think) end
end

-- After a sign-in the browser sends the new cookie. The page begins with the number of the session.
if follows then
  function response(status, headers, body)
    -- Of headers with one name wrk keeps only the last: subjects with several cookies list them in a header of their own.
    local cookie
    for name, value in pairs(headers) do
      if name == 'x-jar' then cookie = value break end
      if name:lower() == 'set-cookie' then cookie = value:match('^[^;]+') end
    end
    local index = tonumber(body:match('^(%d+) '))
    if index then waiting[index + 1] = false end
    if index and cookie then prepare(index + 1, cookie) end
  end
end

function done(summary, latency)
  io.write(string.format(
    '{"requests":%d,"micros":%d,"bytes":%d,"faults":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
