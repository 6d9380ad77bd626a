-- Asks for the request targets of a file, a line each, in turn and then again. Every thread begins at another place.
-- Arguments: the file; the number of threads; and of how many requests each gets an X-Request-ID of its own, or 0.
local threads = 0
local requests = {}
local place = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local targets = {}
  for line in io.lines(args[1]) do
    targets[#targets + 1] = line
  end
  local ids = tonumber(args[3])
  for i = 1, math.max(#targets, ids) do
    if ids > 0 then
      wrk.headers["X-Request-ID"] = string.format("request-%d", i)
    end
    requests[i] = wrk.format("GET", targets[(i - 1) % #targets + 1])
  end
  place = math.floor(#requests * number / tonumber(args[2]))
end

function request()
  place = place % #requests + 1
  return requests[place]
end
