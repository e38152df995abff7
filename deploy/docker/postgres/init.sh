#!/bin/sh
# A database and a role for each service; nobody but its owner may even connect to one. Run once, on an empty volume.
set -eu
for service in $SERVICES; do
  psql -v ON_ERROR_STOP=1 -v name="$service" -v password="$(cat "/run/secrets/postgres_$service")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
psql -v ON_ERROR_STOP=1 -c 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
