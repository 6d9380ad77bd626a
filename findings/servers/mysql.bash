# To be sourced: a private MySQL server, for the finding that needs one beside MariaDB.
#
# mysql_start FOLDER   starts it with its data in FOLDER/mysql; it listens on FOLDER/mysql.sock alone; root has no password
# mysql_stop           stops it, if it was started
#
# The program is the distribution's (Debian unstable: mysql-server-core); no package index has one to pin. Without it:
# exit 2.

mysql_pid=

mysql_start() {
  local program folder=$1 user=()
  program=$(PATH=$PATH:/usr/sbin:/usr/libexec command -v mysqld) && "$program" --version | grep -qv MariaDB || {
    echo 'this finding needs the program mysqld of MySQL (Debian unstable: apt-get install mysql-server-core)' >&2
    exit 2
  }
  [ "$(id -u)" != 0 ] || user=(--user=root)
  "$program" --no-defaults "${user[@]}" --initialize-insecure --datadir="$folder/mysql" >"$folder/mysql.log" 2>&1
  "$program" --no-defaults "${user[@]}" --datadir="$folder/mysql" --socket="$folder/mysql.sock" \
    --pid-file="$folder/mysql.pid" --tmpdir="$folder" --skip-networking --mysqlx=OFF --secure-file-priv= \
    --innodb-buffer-pool-size=64M >>"$folder/mysql.log" 2>&1 &
  mysql_pid=$!
  for _ in $(seq 300); do
    grep -q 'ready for connections' "$folder/mysql.log" && return 0
    kill -0 "$mysql_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$folder/mysql.log" >&2
  return 1
}

mysql_stop() {
  [ -n "$mysql_pid" ] || return 0
  kill "$mysql_pid" 2>/dev/null || true
  wait "$mysql_pid" 2>/dev/null || true
}
