#!/usr/bin/env bats
# Podman, through conmon: create, start, exec, kill, delete, and what it reads from errors.

load engines

# Podman's default pids limit needs the cgroup controllers.
podman() { command podman --runtime "$CTR" --cgroup-manager cgroupfs "$@" 3>&-; }
podman_run() { podman run --network none --pids-limit -1 "$@"; }

engine_setup() { podman import "$IMAGE" box >/dev/null; }
engine_cleanup() { podman rm -f -t 0 "$NAME" >/dev/null 2>&1 || true; }

@test "run prints, and passes the exit status" {
  run -0 podman_run --rm box echo hello
  expect_output hello
  run -3 podman_run --rm box sh -c 'exit 3'
}

@test "run passes standard input" {
  output=$(echo through | podman_run --rm -i box cat)
  expect_output through
}

@test "run -t gives a terminal" {
  run -0 podman_run --rm -t box tty
  expect_match '/dev/pts/0'
}

@test "a command that is not there: 127" {
  run -127 podman_run --rm box /no/such/command
  expect_match '/no/such/command.*[Nn]o such file or directory'
}

@test "a directory as the command: 126" {
  run podman_run --rm box /etc
  expect_status 126
  expect_match 'exec.*permission denied|is a directory|is not a regular file'
}

@test "the options of a container arrive" {
  mkdir -p "$BATS_TEST_TMPDIR/volume"
  echo from outside >"$BATS_TEST_TMPDIR/volume/file"
  # shellcheck disable=SC2016 # the shell inside expands it
  run -0 podman_run --rm --hostname inside --env COLOUR=blue --user 1000:1000 --workdir /tmp \
    --read-only --cap-drop all --tmpfs /t:size=1m --volume "$BATS_TEST_TMPDIR/volume:/v:ro" \
    --ulimit nofile=512:1024 box sh -c '
      hostname; echo "$COLOUR"; id -u; pwd; cat /v/file
      touch /x 2>/dev/null || echo read-only
      touch /v/x 2>/dev/null || echo read-only volume
      grep CapBnd: /proc/self/status; grep " /t " /proc/mounts | cut -d" " -f3; ulimit -n'
  [ "${lines[0]}" = inside ]
  [ "${lines[1]}" = blue ]
  [ "${lines[2]}" = 1000 ]
  [ "${lines[3]}" = /tmp ]
  [ "${lines[4]}" = 'from outside' ]
  [ "${lines[5]}" = read-only ]
  [ "${lines[6]}" = 'read-only volume' ]
  [[ ${lines[7]} =~ 0000000000000000$ ]]
  [ "${lines[8]}" = tmpfs ]
  [ "${lines[9]}" = 512 ]
}

@test "exec, with its exit status and with a terminal" {
  podman_run -d --name "$NAME" box sleep 1000
  run -0 podman exec "$NAME" cat /proc/1/cmdline
  expect_match sleep
  run -9 podman exec "$NAME" sh -c 'exit 9'
  run -0 podman exec -t "$NAME" tty
  expect_match '/dev/pts/'
  run -127 podman exec "$NAME" /no/such/command
}

@test "stop, start again, kill, rm" {
  podman_run -d --name "$NAME" box sh -c 'trap "exit 4" TERM; while :; do sleep 0.1; done'
  podman stop "$NAME"
  run -0 podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
  expect_output 'exited 4'
  podman start "$NAME"
  podman kill "$NAME"
  run -0 podman wait "$NAME"
  expect_output 137
  podman rm "$NAME"
}

@test "pause and unpause" {
  podman_run -d --name "$NAME" box sleep 1000
  podman pause "$NAME"
  run -0 podman inspect --format '{{.State.Status}}' "$NAME"
  expect_output paused
  podman unpause "$NAME"
  run -0 podman exec "$NAME" echo again
  expect_output again
}

@test "a container in a bridge network reaches the host" {
  run -0 podman run --rm --pids-limit -1 --network bridge box sh -c \
    'grep -c eth0 /proc/net/dev'
  expect_output 1
}

@test "a seccomp profile and a user namespace" {
  run -0 podman_run --rm --uidmap 0:100000:1000 --gidmap 0:100000:1000 box \
    sh -c 'cat /proc/self/uid_map; grep Seccomp: /proc/self/status'
  expect_match '0 +100000 +1000'
  expect_match 'Seccomp:.2'
}

@test "rootless" {
  cp "$IMAGE" /tmp/box.tar
  chmod 644 /tmp/box.tar
  as_lab podman import /tmp/box.tar box >/dev/null
  run -0 as_lab podman --runtime "$CTR" --cgroup-manager cgroupfs run --rm --network none \
    --pids-limit -1 box sh -c 'id -u; cat /proc/self/uid_map'
  [ "${lines[0]}" = 0 ]
  expect_match '0 +1000 +1'
  expect_match '1 +100000 +65536'
}

@test "a Debian root file system runs apt and python" {
  run -0 podman_run --rm --rootfs --read-only=false /:O \
    sh -c 'apt-get --version && python3 -c "import json, os; print(json.dumps(os.getpid()))"'
  expect_match '^apt [0-9]'
  [ "${lines[-1]}" -lt 10 ]
}
