#!/usr/bin/env bats
# Namespaces: new, joined by path, mapped; and exec into each mix.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper

namespace() { config "(.linux.namespaces[] | select(.type == \"$1\")) += {path: \"$2\"}"; }

# hold_user_namespace MAP - of process $HOLDER, with MAP for users and groups
hold_user_namespace() {
  unshare --user sleep 1000 3>&- &
  HOLDER=$!
  eventually sh -c "[ \"\$(readlink /proc/$HOLDER/ns/user)\" != \"\$(readlink /proc/$$/ns/user)\" ]"
  echo "$1" >"/proc/$HOLDER/uid_map"
  echo "$1" >"/proc/$HOLDER/gid_map"
}

links() { for name in "$@"; do echo "$name $(readlink "/proc/self/ns/$name")"; done; }

@test "each namespace of the document is another than the caller's" {
  need root
  config '.linux.namespaces += [{type: "time"}]'
  shell 'for n in pid net ipc uts mnt cgroup time; do readlink /proc/self/ns/$n; done'
  run -0 ctr run -b "$BUNDLE" "$ID"
  for line in "${lines[@]}"; do
    [ "$(readlink "/proc/self/ns/${line%%:*}")" != "$line" ] || {
      echo "$line is the caller's"
      return 1
    }
  done
  [ ${#lines[@]} = 7 ]
}

@test "a namespace that is not in the document is the caller's" {
  need root
  config 'del(.linux.namespaces[] | select(.type == "ipc" or .type == "network"))'
  config 'del(.mounts[] | select(.type == "mqueue"))'
  shell 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/net'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = "$(readlink /proc/self/ns/ipc)" ]
  [ "${lines[1]}" = "$(readlink /proc/self/ns/net)" ]
}

@test "a second container joins the first by path, and exec joins the second" {
  need root
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  local first kind
  first=$(pid_of "$ID")
  for kind in network:net ipc:ipc uts:uts pid:pid; do
    namespace "${kind%:*}" "/proc/$first/ns/${kind#*:}"
  done
  config 'del(.hostname)'
  detached "$ID-b"
  for kind in net ipc uts pid; do
    [ "$(readlink "/proc/$first/ns/$kind")" = "$(readlink "/proc/$(pid_of "$ID-b")/ns/$kind")" ]
  done
  run -0 ctr exec "$ID-b" sh -c 'readlink /proc/self/ns/net; hostname'
  [ "${lines[0]}" = "$(readlink "/proc/$first/ns/net")" ]
  [ "${lines[1]}" = "$(ctr exec "$ID" hostname)" ]
  ctr delete --force "$ID-b"
  ctr delete --force "$ID"
}

@test "fault 55, 56: exec into namespaces of different user namespaces, at once after start" {
  need root
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  shell 'while :; do sleep 0.1; done'
  created "$ID"
  ctr start "$ID"
  for i in 1 2 3 4 5; do
    run -0 ctr exec "$ID" sh -c 'id -u; cat /proc/self/uid_map'
    [ "${lines[0]}" = 0 ]
    expect_match '100000 +65536'
  done
  ctr delete --force "$ID"
}

@test "fault 59: a user namespace with the identity map is not the initial one" {
  need root unshare nsenter
  hold_user_namespace '0 0 4294967295'
  shell 'cat /proc/self/uid_map; echo thrown away >/dev/null'

  # it cannot make devices there, and knows it before
  run -0 ctr explain -b "$BUNDLE"
  expect_match 'device /dev/null .*or-bind'
  run -0 nsenter --user --target "$HOLDER" "$CTR" --root "$STATE" explain -b "$BUNDLE"
  expect_match 'device /dev/null .*[[,]bind\]'
  run -0 nsenter --user --target "$HOLDER" "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_match '^ +0 +0 +4294967295$'
  kill "$HOLDER"
}

@test "fault 122: a loopback interface that cannot be brought up is a warning" {
  need root
  command_is echo well
  run -0 --separate-stderr "$HIDE" socket -- \
    "$CTR" --root "$STATE" --log-level warning run -b "$BUNDLE" "$ID"
  expect_output well
  # shellcheck disable=SC2154 # bats sets it
  [[ $stderr == *'cannot bring up the loopback interface: Function not implemented'* ]]
}

@test "a path to a namespace of another kind, to a file, to nothing" {
  need root
  command_is true
  namespace network /proc/self/ns/uts
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.namespaces\[1\].path: .*/proc/self/ns/uts'
  namespace network "$BUNDLE/config.json"
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.namespaces\[1\].path: '
  namespace network /nowhere
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match "linux.namespaces\[1\].path: cannot open '/nowhere': No such file or directory"
}

# The kernel takes as many as fit into a page.
@test "fault 22: 340 lines of id maps" {
  need root
  maps "$(jq -nc '[range(340) | {containerID: ., hostID: (60000 + . * 2), size: 1}]')"
  chown -R 60000:60000 "$BUNDLE/rootfs"
  shell 'wc -l </proc/self/uid_map; tail -n 1 /proc/self/gid_map'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = 340 ]
  [[ ${lines[1]} =~ 339\ +60678\ +1$ ]]
}

@test "fault 22: a map of all ids" {
  need root
  maps '[{"containerID": 0, "hostID": 0, "size": 4294967295}]'
  shell 'cat /proc/self/uid_map'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match '0 +0 +4294967295'
}

@test "an overlapping map is refused by name, and leaves nothing" {
  need root
  maps '[{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}]'
  command_is true
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.(uid|gid)Mappings'
}

@test "in a user namespace devices are there, and ids of mounts are those of its root" {
  need root
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  shell 'echo x >/dev/null; head -c 3 /dev/zero | wc -c; stat -c %u /dev/mqueue /dev/shm /dev/pts /'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output $'3\n0\n0\n0\n0'
}

@test "time offsets" {
  need root
  config '.linux.namespaces += [{type: "time"}] |
    .linux.timeOffsets = {monotonic: {secs: 1000000, nanosecs: 0}, boottime: {secs: 2000000, nanosecs: 0}}'
  shell 'cat /proc/self/timens_offsets'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match 'monotonic +1000000 +0'
  expect_match 'boottime +2000000 +0'
}

@test "exec joins the time namespace" {
  need root
  config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 5000000, nanosecs: 0}}'
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  run -0 ctr exec "$ID" readlink /proc/self/ns/time
  expect_output "$(readlink "/proc/$(pid_of "$ID")/ns/time")"
  ctr delete --force "$ID"
}

@test "host name and domain name" {
  need root
  config '.hostname = "inside" | .domainname = "example.org"'
  shell 'hostname; cat /proc/sys/kernel/domainname'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output $'inside\nexample.org'
}

@test "exec in a user namespace that does not own its PID namespace, as in rootless Podman" {
  need root unshare nsenter
  hold_user_namespace '0 0 4294967295'
  inside() { nsenter --user --target "$HOLDER" "$CTR" --cgroup-manager disabled --root "$STATE" "$@"; }
  command_is sleep 1000
  inside run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  run inside exec "$ID" sh -c 'echo inside; exit 9'
  expect_status 9
  expect_output inside
  inside delete --force "$ID"
  kill "$HOLDER"
}

@test "a user namespace that is joined, whose root has no right to the cgroup" {
  need root unshare
  hold_user_namespace '0 100000 65536'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  config ".linux.namespaces |= map(select(.type != \"user\")) + [{ type: \"user\", path: \"/proc/$HOLDER/ns/user\" }] |
    .linux.cgroupsPath = \"/$ID\""
  shell 'id -u; stat -c %u /dev/mqueue /proc/1; exec sleep 1000'
  ctr run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually sh -c "[ \"\$(cat '$OUT')\" = '0
0
0' ]"
  run -0 ctr exec "$ID" id -u
  expect_output 0
  grep "^0::.*/$ID\$" "/proc/$(ctr state "$ID" | jq .pid)/cgroup"
  ctr delete --force "$ID"
  kill "$HOLDER"
}

# As pods with user namespaces and one PID namespace for all have it.
@test "who may trace in a user namespace sees nothing of the host through what joins it" {
  need root
  local first from
  for from in 100000 0; do
    config ".linux.namespaces |= map(select(.type != \"user\" and .type != \"pid\") | del(.path)) +
      [{ type: \"user\" }, { type: \"pid\" }] |
      .linux.uidMappings = [{ containerID: 0, hostID: $from, size: 65536 }] |
      .linux.gidMappings = .linux.uidMappings | del(.hooks) |
      .process.capabilities |= map_values([\"CAP_SYS_PTRACE\", \"CAP_DAC_OVERRIDE\"])"
    chown -R $from:$from "$BUNDLE/rootfs"
    command_is sleep 1000
    detached "$ID"
    first=$(pid_of "$ID")
    cat >"$BUNDLE/look" <<EOF
#!/bin/sh
"$CTR" --root "$STATE" exec "$ID" sh -c '
  stat -Lc "root %d:%i" /proc/[0-9]*/root/
  grep -l "ctr-[i]nit" /proc/[0-9]*/cmdline' >"$OUT.seen" 2>&1
exit 0
EOF
    chmod +x "$BUNDLE/look"
    namespace user "/proc/$first/ns/user"
    namespace pid "/proc/$first/ns/pid"
    config "del(.linux.uidMappings, .linux.gidMappings) |
      .hooks.createRuntime = [{ path: \"$BUNDLE/look\" }]"
    command_is true
    run -0 ctr run -b "$BUNDLE" "$ID-b"
    cat "$OUT.seen"
    grep '^root ' "$OUT.seen"
    grep '^/proc/.*/cmdline$' "$OUT.seen"
    ! grep -Fx "root $(stat -Lc %d:%i /)" "$OUT.seen" || return 1
    ctr delete --force "$ID"
  done
  chown -R 0:0 "$BUNDLE/rootfs"
}
