# To be sourced: a private MariaDB server without accounts, for the finding that needs one.
#
# mariadb_start FOLDER   starts it with its data in FOLDER/mariadb; it listens on FOLDER/mariadb.sock alone
# mariadb_stop           stops it, if it was started
#
# The program is the distribution's (Debian: mariadb-server-core); no package index has one to pin. Without it: exit 2.

mariadb_pid=

mariadb_start() {
  local program folder=$1 user=()
  program=$(PATH=$PATH:/usr/sbin:/usr/libexec command -v mariadbd) || {
    echo 'this finding needs the program mariadbd (Debian: apt-get install mariadb-server-core)' >&2
    exit 2
  }
  [ "$(id -u)" != 0 ] || user=(--user=root)
  mkdir -p "$folder/mariadb/mysql"
  # Without the tables of accounts nobody is asked who he is: hence no port.
  "$program" --no-defaults "${user[@]}" --datadir="$folder/mariadb" --socket="$folder/mariadb.sock" \
    --pid-file="$folder/mariadb.pid" --tmpdir="$folder" --skip-networking --skip-grant-tables \
    --innodb-buffer-pool-size=64M >"$folder/mariadb.log" 2>&1 &
  mariadb_pid=$!
  for _ in $(seq 300); do
    grep -q 'ready for connections' "$folder/mariadb.log" && return 0
    kill -0 "$mariadb_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$folder/mariadb.log" >&2
  return 1
}

mariadb_stop() {
  [ -n "$mariadb_pid" ] || return 0
  kill "$mariadb_pid" 2>/dev/null || true
  wait "$mariadb_pid" 2>/dev/null || true
}
