# Gives the users of grants.sql their passwords, whatever characters these have. The image of MySQL sources this file
# once, on an empty volume, after grants.sql; it would itself put a password into its SQL as it is, quotes and all.

# A string as MySQL reads it.
literal() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

docker_process_sql <<SQL
ALTER USER 'farmlokal'@'%' IDENTIFIED BY $(literal "$SERVICE_PASSWORD") ACCOUNT UNLOCK;
ALTER USER 'farmlokal-schema'@'%' IDENTIFIED BY $(literal "$SCHEMA_PASSWORD") ACCOUNT UNLOCK;
SQL
