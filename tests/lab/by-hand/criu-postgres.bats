#!/usr/bin/env bats
# PostgreSQL with a transaction that is not yet committed: by hand, in the guest or the box.

# shellcheck disable=SC2016 # the shell of the container expands
load ../../integration/helper
load ../criu

asks() { ctr exec "$ID" psql -h /tmp -Atc "$1" postgres; }

@test "postgresql: a transaction in flight is seen by nobody, goes on and is committed" {
  local bin
  bin=$(echo /usr/lib/postgresql/*/bin)
  [ -x "$bin/initdb" ] || skip 'needs postgresql'
  able limits sockets
  image
  host_network
  guest_rootfs
  config --argjson u "$(id -u postgres)" --argjson g "$(id -g postgres)" '.process.user = {uid: $u, gid: $g} |
    .process.env += ["LC_ALL=C"]'
  shell "PATH=$bin:\$PATH"' PGHOST=/tmp; export PATH PGHOST; cd /tmp
    initdb -D /tmp/db -A trust >/tmp/initdb 2>&1
    postgres -D /tmp/db -k /tmp -c listen_addresses= >/tmp/log 2>&1 &
    until psql -c "create table t (n int)" postgres; do sleep 0.2; done
    mkfifo /tmp/sql
    psql -At postgres </tmp/sql >/tmp/out 2>&1 &
    exec 5>/tmp/sql
    echo "begin; insert into t select generate_series(1, 1000); select count(*) from t;" >&5
    until [ -e /tmp/go ]; do sleep 0.2; done
    echo "insert into t values (1001); commit;" >&5
    exec 5>&-
    wait'
  detached "$ID"
  eventually ctr exec "$ID" grep -qx 1000 /tmp/out
  [ "$(asks 'select count(*) from t')" = 0 ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  du -sh "$IMAGE"
  restored "$ID"
  [ "$(asks 'select count(*) from t')" = 0 ]
  [ "$(asks "select state from pg_stat_activity where state like 'idle in%'")" = 'idle in transaction' ]
  ctr exec "$ID" touch /tmp/go
  eventually ctr exec "$ID" grep -qx COMMIT /tmp/out
  [ "$(asks 'select count(*), sum(n) from t')" = '1001|501501' ]
  run ctr exec "$ID" cat /tmp/log
  # (it was asked before it was ready)
  output=$(grep -v 'FATAL:  the database system is starting up' <<<"$output")
  refuse_match 'PANIC|FATAL|ERROR'
  ctr delete --force "$ID"
}
