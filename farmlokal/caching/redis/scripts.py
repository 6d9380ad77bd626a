"""The Lua scripts: what has to happen in Redis in one step.

MGET stands where GET would do: it answers nothing, rather than an error, for a key in which somebody left another type.
For a hash that is what pcall is for; and a user without the rights on hashes still invalidates.
"""

from farmlokal.resilience.redis_scripts import Script

# Guards the origin: of all processes one gets the lease. In the same step it is told what the key holds by now (it may
# have been filled since the caller looked) and the generations that its load has to be checked against, the missing
# ones made. A generation that was made at another server is made anew: the invalidation that ended it may be lost. A
# lease without an end, or with a longer one than we give, is none of ours and is taken over. A generation that is in
# doubt is said as it stands. A caller that has not looked yet is given the entry without the lease, where there is one.
# ARGV: token, lease ms, new generation, generation ms, how many of the new generation's first characters tell the
# server, a random text or nothing where nobody asks for positions, what doubt begins with, 1 for a caller that has not
# looked.
# Positions that were begun at another server, or expired, begin anew: with that text, and nothing known.
# KEYS: lease, wanted, entry, positions, generation…
# Returns {1, entry, positions as HGETALL has them, generation…}, or {0, ms that the holder's lease has left}, or
# {2, entry, {generation…}}.
ACQUIRE = Script("""
local entry = redis.call('MGET', KEYS[3])[1]
if entry and ARGV[8] == '1' then
  return {2, entry, redis.call('MGET', unpack(KEYS, 5))}
end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left <= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
  return {0, left}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local mark, positions = string.sub(ARGV[3], 1, ARGV[5]), {}
if ARGV[6] ~= '' then
  if redis.pcall('HGET', KEYS[4], '@') ~= mark then
    redis.call('DEL', KEYS[4])
    redis.call('HSET', KEYS[4], '@', mark, '?', ARGV[6])
    redis.call('PEXPIRE', KEYS[4], ARGV[4])
  end
  positions = redis.call('HGETALL', KEYS[4])
end
local answer = {1, entry, positions}
for place = 5, #KEYS do
  local generation = redis.call('MGET', KEYS[place])[1]
  local doubtful = generation and string.sub(generation, 1, #ARGV[7]) == ARGV[7]
  if not doubtful and (not generation or string.sub(generation, 1, ARGV[5]) ~= mark) then
    generation = ARGV[3]
    redis.call('SET', KEYS[place], generation, 'PX', ARGV[4])
  end
  answer[place - 1] = generation
end
return answer
""")

# Guards what is kept: a process that lost its lease (it was stopped, or taken for dead) writes nothing, and a value
# whose tags were invalidated since its load began is not kept. The lease ends with the write, and whoever waits for it
# is told.
# KEYS: lease, wanted, entry, generation…  ARGV: token, entry, entry ms, generation ms, channel, cache key, generation…
# Returns 1 when the entry was kept.
STORE = Script("""
if redis.call('MGET', KEYS[1])[1] ~= ARGV[1] then return 0 end
local kept = 1
for place = 4, #KEYS do
  if redis.call('MGET', KEYS[place])[1] ~= ARGV[place + 3] then kept = 0 end
end
if kept == 1 then
  redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
  for place = 4, #KEYS do
    if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[place], ARGV[4]) end
  end
end
redis.call('DEL', KEYS[1])
if redis.call('DEL', KEYS[2]) == 1 then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return kept
""")

# Guards another's lease: only the holder's token ends it. Uses nothing that a full Redis refuses.
# KEYS: lease, wanted.  ARGV: token, channel, cache key.  Returns 1 when the lease was ours.
RELEASE = Script("""
if redis.call('MGET', KEYS[1])[1] ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('DEL', KEYS[2]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1
""")

# Guards another's lease: only the holder's token prolongs it.
# KEYS: lease.  ARGV: token, lease ms.  Returns 1 when the lease was ours.
RENEW = Script("""
if redis.call('MGET', KEYS[1])[1] ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# Guards the order: nobody hears the notice before the old generations are gone. Deleting needs no memory, so a full
# Redis still invalidates; and a deleted generation is never used again, since the next is random. In the same step it
# notes how far the writer had come: of two positions of one timeline the one that has more, whichever comes later.
# Those of a writer before go when it has taken nothing for five minutes that another took. A full Redis takes what
# follows a DEL in a script. Writes that may yet take effect stand, by their names, in the place of the generation, so
# that nobody keeps what he loads; each until it is settled, or its time is over.
# KEYS: positions, generation…  ARGV: channel, notice, the server's mark, a random text or nothing where all is known,
# generation ms, wall seconds, what doubt begins with, a write or nothing, ms for which it is in doubt,
# (timeline, rank, position)…
INVALIDATE = Script("""
for place = 2, #KEYS do
  local doubts, left = redis.call('MGET', KEYS[place])[1] or '', redis.call('PTTL', KEYS[place])
  if string.sub(doubts, 1, #ARGV[7]) ~= ARGV[7] or left < 1 then doubts, left = ARGV[7], 0 end
  if ARGV[8] ~= '' then
    doubts = string.gsub(doubts, ' ' .. ARGV[8], '')
    if tonumber(ARGV[9]) > 0 then
      doubts, left = doubts .. ' ' .. ARGV[8], math.max(left, tonumber(ARGV[9]))
    end
  end
  redis.call('DEL', KEYS[place])
  if doubts ~= ARGV[7] then redis.call('SET', KEYS[place], doubts, 'PX', left) end
end
if redis.pcall('HGET', KEYS[1], '@') ~= ARGV[3] then
  redis.call('DEL', KEYS[1])
else
  local changes = {}
  if ARGV[4] ~= '' then changes = {'?', ARGV[4]} end
  for place = 10, #ARGV, 3 do
    local known = redis.call('HGET', KEYS[1], ARGV[place])
    if not known or tonumber(string.match(known, '^%d+')) <= tonumber(ARGV[place + 1]) then
      changes[#changes + 1] = ARGV[place]
      changes[#changes + 1] = ARGV[place + 1] .. ' ' .. ARGV[6] .. ' ' .. ARGV[place + 2]
    end
  end
  if #changes > 0 then
    redis.call('HSET', KEYS[1], unpack(changes))
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
  end
  if #ARGV > 9 then
    local held = redis.call('HGETALL', KEYS[1])
    for place = 1, #held, 2 do
      local at = string.match(held[place + 1], '^%d+ (%d+) ')
      if at and tonumber(at) < tonumber(ARGV[6]) - 300 then redis.call('HDEL', KEYS[1], held[place]) end
    end
  end
end
return redis.call('PUBLISH', ARGV[1], ARGV[2])
""")

# Guards what is not known: a position that was asked before another invalidation came without one is not believed.
# KEYS: positions.  ARGV: the random text, timeline, rank, position, wall seconds, ms.
# Returns 1 when it is known from now on.
LEARN = Script("""
if redis.pcall('HGET', KEYS[1], '?') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], '?')
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known or tonumber(string.match(known, '^%d+')) <= tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[5] .. ' ' .. ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
""")
