#!/usr/bin/env bats
# Docker, through containerd's shim.

load engines

engine_setup() {
  systemctl start containerd
  dockerd --add-runtime "ctr=$CTR" --default-runtime ctr --bridge none --iptables=false \
    --exec-opt native.cgroupdriver=cgroupfs --storage-driver overlay2 \
    --pidfile "$BATS_FILE_TMPDIR/docker.pid" >"$BATS_FILE_TMPDIR/docker.log" 2>&1 3>&- &
  eventually docker info >/dev/null 2>&1 || {
    tail "$BATS_FILE_TMPDIR/docker.log"
    return 1
  }
  docker import "$IMAGE" box >/dev/null
}

engine_teardown() {
  kill "$(cat "$BATS_FILE_TMPDIR/docker.pid")" || true
  eventually test ! -e "$BATS_FILE_TMPDIR/docker.pid"
  systemctl stop containerd
}

engine_cleanup() { docker rm -f "$NAME" >/dev/null 2>&1 || true; }

@test "run prints, and passes the exit status" {
  run -0 docker run --rm --network none box echo hello
  expect_output hello
  run -3 docker run --rm --network none box sh -c 'exit 3'
}

@test "a command that is not there: 127" {
  run -127 docker run --rm --network none box /no/such/command
}

@test "run -d, exec, stop, rm" {
  docker run -d --network none --name "$NAME" box sh -c 'trap "exit 4" TERM; while :; do sleep 0.1; done'
  run -0 docker exec "$NAME" echo inside
  expect_output inside
  docker stop "$NAME"
  run -0 docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
  expect_output 'exited 4'
  docker rm "$NAME"
}
