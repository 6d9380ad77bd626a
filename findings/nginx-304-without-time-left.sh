#!/usr/bin/env bash
# A 304 that says "max-age=0" gives nginx's copy its first max-age once more.
#
# Expected:  nginx with proxy_cache_revalidate on asks about a copy whose time is over. A 304 updates what is stored with
#            its own header fields (RFC 9111, section 4.3.4), so that after "Cache-Control: max-age=0" each further request
#            asks again, as after "max-age=1" it does a second later.
# Observed:  after the 304 with max-age=0 nginx serves the copy for the max-age that the 200 had, without asking, and so
#            on: of 8 s it asks twice, with a copy that came with max-age=3. After a 304 with max-age=1 it asks every two
#            seconds. An origin that says in max-age what is left of a page has it served for twice its time.
# Versions:  nginx 1.22.1 (Debian 12); asked by requests 2.34.2 (PyPI)
# For us:    a hit with less than a second left, or a stale one, says max-age=0, also as a 304. The sample for nginx leaves
#            proxy_cache_revalidate out (docs/clients.md, "What is to be set"; tests/clients/test_samples.py).
# Source:    RFC 9111, section 4.3.4; nginx's documentation of proxy_cache_revalidate; seen here
set -euo pipefail

# No package index has one to pin: the program is the distribution's.
program=$(PATH=$PATH:/usr/sbin command -v nginx) || {
  echo 'this finding needs the program nginx (Debian: apt-get install nginx-light)' >&2
  exit 2
}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'requests==2.34.2'
PYTHONPATH="$here/servers" "$folder/venv/bin/python" -B - "$program" <<'PYTHON'
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import requests
from http_origin import serve

asked = Counter()


def answer(target, fields):
    """A page that never changes: good for 3 s at first, and in a 304 for as long as its address says."""
    asked[target] += 1
    same = fields.get("If-None-Match") == '"1"'
    told = {"Cache-Control": f"public, max-age={target[1:] if same else 3}", "ETag": '"1"'}
    return (304, told, None) if same else (200, told, b"page")


url = serve(answer)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
here = Path.cwd()
here.chmod(0o755)
folders = "\n".join(f"{kind}_temp_path {here}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
(here / "nginx.conf").write_text(f"""
daemon off;
pid {here}/nginx.pid;
error_log {here}/error.log;
events {{}}
http {{
  access_log off;
  {folders}
  proxy_cache_path {here}/copies keys_zone=copies:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {url};
      proxy_cache copies;
      proxy_cache_revalidate on;
    }}
  }}
}}
""")
nginx = subprocess.Popen([sys.argv[1], "-p", here, "-c", here / "nginx.conf"], stderr=subprocess.DEVNULL)
try:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert nginx.poll() is None and time.monotonic() < until, (here / "error.log").read_text()
            time.sleep(0.05)

    def ask(left):
        assert requests.get(f"http://127.0.0.1:{port}/{left}", timeout=30).content == b"page"

    seen = {}
    for left in (0, 1):
        while asked[f"/{left}"] < 2:  # until it has asked about its copy, and was told 304
            ask(left)
            time.sleep(0.1)
        before, end = asked[f"/{left}"], time.monotonic() + 8
        while time.monotonic() < end:
            ask(left)
            time.sleep(0.1)
        seen[left] = asked[f"/{left}"] - before
finally:
    nginx.terminate()
    nginx.wait()
assert seen[0] <= 2, seen  # each second life of three to four seconds; by RFC 9111 some eighty
assert seen[1] >= 3, seen
version = subprocess.run([sys.argv[1], "-v"], capture_output=True, text=True).stderr.strip()
print(f"as observed: {version} asked {seen[0]} times in 8 s after a 304 with max-age=0, {seen[1]} after max-age=1")
PYTHON
