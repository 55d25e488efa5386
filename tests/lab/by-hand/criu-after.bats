#!/usr/bin/env bats
# What a restored container can: the verbs after a restore, under both cgroup managers. By hand, in
# the guest; in the box (`lab.sh box run`) all that needs no controller.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# The cgroup of the container, on the host.
cgroup_of() { echo "$(cgroup2)$(sed -n 's/^0:://p' "/proc/$(pid_of "$1")/cgroup")"; }
limit() { cat "$(cgroup_of "$1")/$2"; }

# under MANAGER - a container that counts goes through the images, as $ID-2
under() {
  MANAGER=$1
  image
  host_network
  counter
  ctr --cgroup-manager "$MANAGER" run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  ctr --cgroup-manager "$MANAGER" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID-2" </dev/null >"$OUT" 2>&1 3>&-
}

verbs_work() {
  counts "$ID-2"
  # exec: status, streams, the restored namespaces, a terminal
  run ctr exec "$ID-2" sh -c 'echo out; exit 7'
  expect_status 7
  expect_output out
  [ "$(echo in | ctr exec "$ID-2" cat)" = in ]
  [ "$(ctr exec "$ID-2" sh -c 'tr "\0" " " </proc/1/cmdline')" = "$(tr '\0' ' ' <"/proc/$(pid_of "$ID-2")/cmdline")" ]
  local ns
  for ns in cgroup ipc mnt net pid time uts user; do
    [ "$(ctr exec "$ID-2" readlink /proc/self/ns/$ns)" = "$(readlink "/proc/$(pid_of "$ID-2")/ns/$ns")" ]
  done
  run "$PROBE" pty expect='# ' send='tty; exit 3
' -- "$CTR" --root "$STATE" exec -t "$ID-2" sh
  show_result
  [ "$status" = 3 ]
  expect_match '/dev/pts/0'

  # pause stops all, those that exec has started as well; nothing can be started meanwhile
  ctr exec -d "$ID-2" sh -c 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/m; sleep 0.1; done' </dev/null >/dev/null 2>&1 3>&-
  eventually ctr exec "$ID-2" test -s /dev/shm/m
  ctr pause "$ID-2"
  [ "$(status_of "$ID-2")" = paused ]
  local shm n m
  shm=/proc/$(pid_of "$ID-2")/root/dev/shm
  n=$(cat "$shm/n") m=$(cat "$shm/m")
  sleep 0.5
  [ "$(cat "$shm/n" "$shm/m")" = "$n
$m" ]
  ctr resume "$ID-2"
  [ "$(status_of "$ID-2")" = running ]
  counts "$ID-2"

  run ctr events --stats "$ID-2"
  expect_status 0
  [ "$(jq -r .type <<<"$output")" = stats ]
  [ "$(ctr ps --format json "$ID-2" | jq length)" -ge 2 ]
}

end() {
  ctr kill "$ID-2" KILL
  eventually has_status "$ID-2" stopped
  ctr delete "$ID-2"
}

@test "exec, pause, resume, events, ps, kill: cgroupfs" {
  under cgroupfs
  verbs_work
  end
}

@test "exec, pause, resume, events, ps, kill: systemd" {
  [ -d /run/systemd/system ] || skip 'needs systemd'
  under systemd
  verbs_work
  end
  [ -z "$(systemctl list-units --all --no-legend "ctr-$ID-2.scope")" ]
}

# changed MANAGER - limits come back, change, and what is over them is told
changed() {
  need cgroup:memory cgroup:pids cgroup:cpu
  config '.linux.resources = {memory: {limit: 134217728}, pids: {limit: 50}, cpu: {quota: 50000, period: 100000}}'
  under "$1"
  [ "$(limit "$ID-2" memory.max)" = 134217728 ]
  [ "$(limit "$ID-2" pids.max)" = 50 ]
  [ "$(limit "$ID-2" cpu.max)" = '50000 100000' ]
  ctr update --memory 96m --pids-limit 40 --cpu-quota 80000 "$ID-2"
  [ "$(limit "$ID-2" memory.max)" = $((96 << 20)) ]
  [ "$(limit "$ID-2" pids.max)" = 40 ]
  [ "$(limit "$ID-2" cpu.max)" = '80000 100000' ]
  [ "$(ctr exec "$ID-2" cat /sys/fs/cgroup/memory.max)" = $((96 << 20)) ]
  [ "$(ctr events --stats "$ID-2" | jq .data.pids.limit)" = 40 ]
  [ "$(ctr events --stats "$ID-2" | jq .data.memory.usage.limit)" = $((96 << 20)) ]
  if [ "$1" = systemd ]; then
    systemctl daemon-reload
    [ "$(systemctl show --property TasksMax --value "ctr-$ID-2.scope")" = 40 ]
    [ "$(systemctl show --property MemoryMax --value "ctr-$ID-2.scope")" = $((96 << 20)) ]
    [ "$(limit "$ID-2" memory.max)" = $((96 << 20)) ]
  fi
  ctr events --interval 200ms "$ID-2" >"$OUT.events" 3>&- &
  events=$!
  eventually test -s "$OUT.events"
  run ctr exec "$ID-2" dd if=/dev/zero of=/dev/null bs=200M count=1
  expect_status 137
  eventually grep -q '"type":"oom"' "$OUT.events"
  counts "$ID-2"
  ctr delete --force "$ID-2"
  wait $events
}

@test "update, events and the OOM killer: cgroupfs" { changed cgroupfs; }

@test "update, events and the OOM killer: systemd" {
  [ -d /run/systemd/system ] || skip 'needs systemd'
  changed systemd
}
