-- Called by wrk with: <folder> <seed> <digits>. Sends head .. part .. tail, with a part picked at
-- random from the folder's file `parts`, or a random number where that file is empty.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  local folder, seed, digits = args[1], tonumber(args[2]), tonumber(args[3])
  math.randomseed(seed * 1000 + number)
  local head, tail = read(folder .. "/head"), read(folder .. "/tail")
  local requests = {}
  for part in io.lines(folder .. "/parts") do
    requests[#requests + 1] = head .. part .. tail
  end
  local count, random, format = #requests, math.random, string.format
  local pattern, bound = "%0" .. digits .. ".0f", 10 ^ digits
  if count > 0 then
    request = function() return requests[random(count)] end
  else
    request = function() return head .. format(pattern, math.floor(random() * bound)) .. tail end
  end
end

function done(summary, latency)
  local errors = summary.errors
  local all = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(format_figures(summary, all, latency))
end

function format_figures(summary, errors, latency)
  return string.format(
    "figures %d %d %d %d %d\n",
    summary.requests, summary.duration, errors, latency:percentile(50), latency:percentile(99)
  )
end
