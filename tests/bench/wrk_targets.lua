-- Asks for the request targets of a file, a line each, in turn and then again. Every thread begins at another place.
-- Arguments: the file; the number of threads; and how many requests each get what a proxy gives every request, or 0:
-- an X-Request-ID, an X-Forwarded-For and a traceparent of their own.
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
  local proxied = tonumber(args[3])
  for i = 1, math.max(#targets, proxied) do
    if proxied > 0 then
      local id = string.format("%08x%08x%08x%08x", i, i * 7, i * 11, i * 13)
      wrk.headers["X-Request-ID"] = id
      wrk.headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", i / 65536, i / 256 % 256, i % 256)
      wrk.headers["traceparent"] = string.format("00-%s-%s-01", id, id:sub(1, 16))
    end
    requests[i] = wrk.format("GET", targets[(i - 1) % #targets + 1])
  end
  place = math.floor(#requests * number / tonumber(args[2]))
end

function request()
  place = place % #requests + 1
  return requests[place]
end
