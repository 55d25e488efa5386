#!/usr/bin/env bats
# What a restored container can: the verbs after a restore, under both cgroup managers. By hand, in
# the box (`lab.sh box run`) or the guest.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

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
