"""What the rate limit keeps in Redis, and the Lua script that keeps it."""

from farmlokal.limiting.quotas import Quota
from farmlokal.resilience.redis_scripts import Script

# A process that sends nothing for so long is dead, or on its own.
SILENT_MAX_US = 5_000_000


class LimitKeys:
    """The keys of one catalogue's limit. identity: of the catalogue, from its database.

    All begin with `farmlokal:{identity-limit}:`. The braces make it a hash tag, another than the cache's: in a cluster
    the limit may be on another server.
    """

    def __init__(self, identity: str) -> None:
        own = f"farmlokal:{{{identity}-limit}}:"
        # The processes that share the limit, each scored with the time of its last sign of life. Expires after ten
        # seconds.
        self.processes = f"{own}processes"
        self._arrival = f"{own}arrival:"

    def __repr__(self) -> str:
        return f"<LimitKeys {self.processes}>"

    def arrival(self, quota: Quota, client: str) -> str:
        """Returns the Redis key of a client's arrival time. With another number in the settings it counts anew.

        The theoretical arrival time of one client's use of one quota, in microseconds of Redis's own clock. It expires
        by itself a second after the client has its whole burst again.
        """
        return f"{self._arrival}{quota.name}={quota.requests}/{quota.window_s}:{client}"


# Guards the limit: whatever several processes admitted is added up in one step, and of what is left each unit is
# granted once. Times are Redis's own, and what processes send of theirs is a difference: their clocks may be anywhere.
# A client's use is counted from its first request, not from now, or a slow message would cost it time. What lies
# further ahead than twice what all processes together admit at once is not from us, or Redis's clock went back.
# KEYS: processes, arrival…
# ARGV: process, µs after which a silent one is gone, emission interval in µs, tolerance in µs, and as JSON, which costs
# the process a third of what single arguments do, a list for each arrival: requests admitted, µs since the first of
# them, requests asked for, whether the client is held, the arrival time that the process saw last.
# Returns {time, number of processes}, then for each arrival {time, requests granted, whether others wrote it (1)}.
RECONCILE = Script("""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], 10000)
local processes = redis.call('ZCARD', KEYS[1])
local interval, tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
local answer = {{now, processes}}
local reports = cjson.decode(ARGV[5])
for place = 2, #KEYS do
  local admitted, age, asked, held, seen = unpack(reports[place - 1])
  local kept = tonumber(redis.call('MGET', KEYS[place])[1])
  local others = kept ~= nil and kept ~= seen
  local believed = math.min(kept or 0, now + 2 * processes * tolerance)
  local arrival = math.max(believed, now - age) + admitted * interval
  local granted = 0
  if others or held then
    local left = math.floor((tolerance - math.max(arrival - now, 0)) / interval)
    granted = math.max(0, math.min(asked, left))
  end
  arrival = math.floor(arrival + granted * interval + 0.5)
  if admitted ~= 0 or granted ~= 0 or believed ~= (kept or 0) then
    local life = math.max(0, math.floor((arrival - now) / 1000)) + 1000
    redis.call('SET', KEYS[place], string.format('%.0f', arrival), 'PX', life)
  elseif kept then
    arrival = kept
  end
  answer[place] = {arrival, granted, others and 1 or 0}
end
return answer
""")
