# shellcheck shell=bash disable=SC2154
# Kinds of isolation that need no guest: how one is chosen, and `process`.
load helper

KINDS="container, process, microvm, vm or uml"

@test "isolation: an unknown kind is an error that names it" {
  run_bundle --isolation nonsense
  expect_status 125
  expect_output "ctr: --isolation: unknown isolation 'nonsense', it is $KINDS"
}

@test "isolation: a process has no network of its own, so none is set up" {
  need root # the bundle of a user has a user namespace, which a process cannot have
  command_is true
  for mode in none bridge; do
    run_bundle --isolation process --net $mode
    expect_status 125
    expect_output "ctr: --net: --isolation process stays in its caller's network (only 'host' is that)"
  done
  run_bundle --isolation process --net host
  expect_status 0
}

@test "isolation: an annotation chooses it, but nothing that confines less; an option overrides that" {
  need root
  shell 'readlink /proc/self/ns/pid || ls -d /proc/self || echo no proc'
  # an engine may have it from the image
  config '.annotations["org.ctr.isolation"] = "process"'
  run_bundle
  expect_status 125
  expect_output "ctr: annotations[org.ctr.isolation]: 'process' confines less than ctr does: only --isolation chooses that"
  run_bundle --isolation process
  expect_status 0
  expect_match 'no proc'
  config '.annotations["org.ctr.isolation"] = "container"'
  run_bundle
  expect_status 0
  expect_match 'pid:'

  config '.annotations["org.ctr.isolation"] = "nonsense"'
  run_bundle
  expect_status 125
  expect_output "ctr: annotations[org.ctr.isolation]: unknown isolation 'nonsense', it is $KINDS"
}

@test "isolation: only a virtual machine has a kernel" {
  run_bundle --kernel /boot/vmlinuz
  expect_status 125
  expect_output 'ctr: --kernel: --isolation container has no kernel of its own'
}

@test "process: environment, directory, user, limits and exit status are the bundle's" {
  need root
  config '.process.env = ["PATH=/bin", "A=b c"] | .process.cwd = "/tmp"
    | .process.user = {"uid": 7, "gid": 8} | .process.rlimits =
      [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}] | .hostname = "not-this"'
  shell 'echo "$A:$(pwd):$(id -u):$(id -g):$(ulimit -n):$(hostname)"; exit 42'
  run_bundle --isolation process
  expect_status 42
  expect_output "b c:/tmp:7:8:77:$(hostname)"
}

@test "process: create, start, exec, kill and delete are those of a container" {
  need root
  shell 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
  ctr create -b "$BUNDLE" --isolation process "$ID" </dev/null >"$OUT" 2>&1 3>&-
  run ctr state "$ID"
  expect_match '"status": "created"'
  ctr start "$ID"
  eventually grep -q up "$OUT"
  run ctr exec "$ID" sh -c 'echo "in $(pwd)"; exit 3'
  expect_status 3
  expect_output 'in /'
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "process: what would be missed or would change the host is refused by name" {
  need root
  local filter
  while read -r filter; do
    cp "$BUNDLE/config.json" "$BUNDLE/config.json.kept"
    config "${filter#* }"
    run_bundle --isolation process
    mv "$BUNDLE/config.json.kept" "$BUNDLE/config.json"
    expect_status 125
    expect_match "^ctr: ${filter%% *}.*--isolation process cannot"
  done <<'ROWS'
linux.sysctl .linux.sysctl = {"net.ipv4.ip_forward": "1"}
process.terminal .process.terminal = true
linux.namespaces .linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID":0,"hostID":1,"size":1}] | .linux.gidMappings = .linux.uidMappings
linux.namespaces .linux.namespaces[0].path = "/proc/1/ns/pid"
ROWS
}
